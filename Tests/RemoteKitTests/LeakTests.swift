// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import RemoteKit

#if canImport(Glibc)
  import Glibc

  /// Connects over and over, in a process of its own, so that nothing else allocates or opens anything.
  ///
  /// `REMOTE_BUILD_CONNECTS=1000` for more of them; the figures are printed.
  @Suite(.serialized) struct LeakTests {
    struct Usage {
      /// Bytes that are allocated and not freed.
      var live: Int
      /// Bytes of memory in use by the process.
      var resident: Int
      var descriptors: Int
      var threads: Int

      private typealias Trim = @convention(c) (Int) -> CInt
      private typealias Info = @convention(c) (CInt, UnsafeMutablePointer<FILE>) -> CInt

      private static func function<Type>(_ name: String, _: Type.Type) -> Type {
        unsafeBitCast(dlsym(nil, name)!, to: Type.self)
      }

      /// glibc's own account, by two functions that Swift does not import: what it has of the system, less what is free.
      private static func allocated() -> Int {
        _ = function("malloc_trim", Trim.self)(0)
        var buffer: UnsafeMutablePointer<CChar>?
        var size = 0
        let stream = open_memstream(&buffer, &size)!
        _ = function("malloc_info", Info.self)(0, stream)
        fclose(stream)
        defer { free(buffer) }
        let text = String(cString: buffer!)
        // After the last arena come the totals.
        let totals = text[text.range(of: "</heap>", options: .backwards)!.upperBound...]
        func total(_ tag: String) -> Int {
          guard let start = totals.range(of: tag)?.upperBound,
            let field = totals[start...].range(of: "size=\"")?.upperBound
          else { return 0 }
          return Int(totals[field...].prefix { $0.isNumber }) ?? 0
        }
        return total("<system type=\"current\"") + total("<total type=\"mmap\"") - total("<total type=\"fast\"")
          - total("<total type=\"rest\"")
      }

      static func now() -> Usage {
        let pages =
          (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
          .dropFirst().first.flatMap { Int($0) } ?? 0
        func entries(_ directory: String) -> Int {
          (try? FileManager.default.contentsOfDirectory(atPath: directory).count) ?? 0
        }
        return Usage(
          live: allocated(), resident: pages * Int(getpagesize()),
          descriptors: entries("/proc/self/fd"), threads: entries("/proc/self/task"))
      }
    }

    /// One login, with a refused key before the good one, a command, and its end.
    static func connect(_ server: Sshd) async throws {
      let session = try await server.session()
      let channel = try await session.execute("echo out; echo err >&2")
      while try await channel.read(upTo: 1000) != nil {}
      _ = try await channel.exit(timeout: .seconds(20))
      await channel.close()
      await session.close()
    }

    static func measure(_ kind: Sshd.Kind, connects: Int) async throws {
      try await Sshd.with(kind) { server in
        try Sshd.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", server.path("other"))
        try server.configure("IdentityFile \(server.path("other"))\nIdentityFile \(server.path("id"))")
        // What is set up once and kept: threads' arenas, tables, the library's own.
        for _ in 0..<30 { try await connect(server) }
        let before = Usage.now()
        for _ in 0..<connects { try await connect(server) }
        var after = Usage.now()
        // A session's thread ends a moment after its session.
        for _ in 0..<500 where after.threads > before.threads || after.descriptors > before.descriptors {
          try await Task.sleep(for: .milliseconds(10))
          after = Usage.now()
        }
        print(
          "\(connects) connects to \(kind): live \(before.live) -> \(after.live) bytes "
            + "(\((after.live - before.live) / connects) a connect), resident \(before.resident >> 10) -> "
            + "\(after.resident >> 10) KiB, descriptors \(before.descriptors) -> \(after.descriptors), "
            + "threads \(before.threads) -> \(after.threads)")
        fflush(nil)
        // A session is some 350 KB with its buffers; the caches of the allocator and the runtime come and go.
        precondition(after.live - before.live < 512 << 10, "live memory grows")
        precondition(after.resident - before.resident < 8 << 20, "resident memory grows")
        precondition(after.descriptors <= before.descriptors, "descriptors are left open")
        precondition(after.threads <= before.threads, "threads are left")
      }
    }

    @Test func aSessionLeavesNothingBehind() async {
      let ended = await #expect(
        processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
      ) {
        try await LeakTests.measure(.openssh, connects: LeakTests.connects)
      }
      print(
        String(
          decoding: (ended?.standardOutputContent ?? []) + (ended?.standardErrorContent ?? []).prefix(2000),
          as: UTF8.self))
    }

    @Test(.enabled(if: Sshd.Account.isPossible)) func noneAtDropbearEither() async {
      let ended = await #expect(
        processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
      ) {
        try await LeakTests.measure(.dropbear, connects: LeakTests.connects)
      }
      print(
        String(
          decoding: (ended?.standardOutputContent ?? []) + (ended?.standardErrorContent ?? []).prefix(2000),
          as: UTF8.self))
    }

    static var connects: Int { ProcessInfo.processInfo.environment["REMOTE_BUILD_CONNECTS"].flatMap { Int($0) } ?? 60 }
  }
#endif
