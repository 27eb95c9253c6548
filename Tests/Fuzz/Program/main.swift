// SPDX-License-Identifier: Apache-2.0

import FuzzKit

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

#if !DEBUG
  print("fuzz-decoders reaches into the rooms, which a release build closes: build it for debugging")
  exit(1)
#elseif FUZZING
  // Compiled with -sanitize=fuzzer: libFuzzer's program.
  @_cdecl("LLVMFuzzerTestOneInput") public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do { try Probe.run(Array(UnsafeBufferPointer(start: bytes, count: count))) } catch { fatalError("\(error)") }
    return 0
  }

  @_silgen_name("LLVMFuzzerRunDriver")
  func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
  ) -> CInt

  // It writes its own corpus, too.
  if CommandLine.arguments.dropFirst().first == "--seeds" {
    exit(Regression.run(Array(CommandLine.arguments.dropFirst())))
  }
  var count = CommandLine.argc
  var arguments = CommandLine.unsafeArgv
  exit(runDriver(&count, &arguments, { testOneInput($0, $1) }))
#else
  exit(Regression.run(Array(CommandLine.arguments.dropFirst())))
#endif
