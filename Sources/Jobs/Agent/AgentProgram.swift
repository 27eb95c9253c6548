// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
public import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The agent's main program: it serves a client over its standard streams, is a job's supervisor, or is Docker's
/// credential helper, as its name and arguments say.
public enum AgentProgram {
  /// Runs to the end and exits. `addServices` adds the services of other rooms.
  ///
  /// Not `async`, for a supervisor must have one thread: a signal that it waits for would end the process on another.
  public static func run(
    _ arguments: [String], version: String,
    addServices: @escaping @Sendable (inout ServiceTable, HeldLocks) -> Void
  ) -> Never {
    let environment = HostEnvironment.current()
    if arguments.first?.split(separator: "/").last == CredentialHelper.program[...] {
      exit(CredentialHelper.run(arguments.dropFirst().first, environment: environment))
    }
    switch Array(arguments.dropFirst()) {
    case ["--version"]:
      exit(say("remote-build-agent \(version)\n", to: .standardOutput))
    case [], ["serve"]:
      Task { exit(await serve(version, environment, addServices)) }
      // Not `dispatchMain`, which ends this thread: in a static program the unwinder sorts all of its tables for that,
      // 15 ms at every start. Nothing here needs the main queue.
      while true { pause() }
    case let words where words.count == 2 && words[0] == "supervise":
      exit(Supervisor.run(words[1]))
    default:
      _ = say("usage: remote-build-agent [serve | --version]\n", to: .standardError)
      exit(64)
    }
  }

  private static func serve(
    _ version: String, _ environment: HostEnvironment, _ addServices: (inout ServiceTable, HeldLocks) -> Void
  ) async -> Int32 {
    PassingDirectory.sweep(environment)
    noteUse()
    let locks = HeldLocks()
    var table = ServiceTable()
    JobServices.add(to: &table, locks: locks)
    addServices(&table, locks)
    let hello = Hello(
      version: version, machine: Kernel.machine, home: environment.home, clock: secondsSince1970())
    do {
      let connection = FrameConnection(try DescriptorStream(reading: .standardInput, writing: .standardOutput))
      try await table.serve(connection, hello: hello)
      return 0
    } catch let error as WireError where error.code == .io || error.code == .closed {
      // The client is gone: nobody is there to read about it.
      return 1
    } catch {
      _ = say("remote-build-agent: \(error)\n", to: .standardError)
      return 1
    }
  }

  /// Makes the directory that this program lies in the newest: those that were used last are kept.
  private static func noteUse() {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let path = FilePath(String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self))
    let directory = path.removingLastComponent()
    guard directory.removingLastComponent().lastComponent?.string == "agents" else { return }
    _ = utimensat(AT_FDCWD, directory.string, nil, 0)
  }

  private static func say(_ text: String, to output: FileDescriptor) -> Int32 {
    (try? output.writeAll(Array(text.utf8))) == nil ? 1 : 0
  }
}
