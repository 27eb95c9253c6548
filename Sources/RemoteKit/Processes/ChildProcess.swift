// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Foundation
internal import Synchronization
internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A process on this machine with pipes for its standard streams, in a session of its own: an interrupt typed at the
/// terminal is not meant for it.
final class ChildProcess: Sendable {
  /// To its standard input; whoever started it closes both.
  let input: FileDescriptor
  /// From its standard output.
  let output: FileDescriptor
  private let pid: pid_t
  /// Whether what it started goes with it.
  private let isAlone: Bool
  private let end = Mutex<CommandExit?>(nil)
  private let hasEnded = Latch()
  private let diagnostics = Diagnostics()

  /// What the process wrote to its standard error, kept short.
  private final class Diagnostics: Sendable {
    let tail = Mutex<[UInt8]>([])
    let hasEnded = Latch()

    func append(_ bytes: ArraySlice<UInt8>) {
      tail.withLock { tail in
        tail += bytes
        if tail.count > 32 << 10 { tail.removeFirst(tail.count - 16 << 10) }
      }
    }
  }

  // POSIX_SPAWN_SETSID, which Glibc's headers show to GNU sources alone.
  #if canImport(Glibc)
    private static let newSession: Int16 = 0x80
  #else
    private static let newSession: Int16 = 0x400
  #endif

  /// - Parameter endsGroup: when it ends, or is ended, whatever it started goes too.
  init(
    _ path: FilePath, arguments: [String] = [], environment: [String: String], endsGroup: Bool = false
  ) throws {
    let input = try FileDescriptor.privatePipe()
    let output = try FileDescriptor.privatePipe()
    let errors = try FileDescriptor.privatePipe()
    let ends = [input, output, errors].flatMap { [$0.readEnd, $0.writeEnd] }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, end) in [input.readEnd, output.writeEnd, errors.writeEnd].enumerated() {
      posix_spawn_file_actions_adddup2(&actions, end.rawValue, CInt(number))
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // This thread's blocked and ignored signals would be the process's too, and it could not be ended.
    var (none, all) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    let flags = Self.newSession | Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF)
    posix_spawnattr_setflags(&attributes, flags)
    var words: [UnsafeMutablePointer<CChar>?] =
      ([path.string] + arguments).map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] =
      environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in words + variables { free(text) } }
    var pid: pid_t = 0
    let status = posix_spawn(&pid, path.string, &actions, &attributes, &words, &variables)
    guard status == 0 else {
      for descriptor in ends { try? descriptor.close() }
      throw Errno(rawValue: status)
    }
    for end in [input.readEnd, output.writeEnd, errors.writeEnd] { try? end.close() }
    (self.input, self.output, self.pid, isAlone) = (input.writeEnd, output.readEnd, pid, endsGroup)
    // One thread ends with its last word, which a child of its may hold open for longer than it lives.
    let (diagnostics, errorEnd) = (diagnostics, errors.readEnd)
    Thread.detachNewThread {
      var buffer = [UInt8](repeating: 0, count: 4 << 10)
      while let count = try? buffer.withUnsafeMutableBytes({ try errorEnd.read(into: $0) }),
        count > 0
      {
        diagnostics.append(buffer[..<count])
      }
      try? errorEnd.close()
      diagnostics.hasEnded.open()
    }
    Thread.detachNewThread { self.reap() }
  }

  private func reap() {
    // Without taking it away yet: until then its number is nobody else's.
    var information = siginfo_t()
    while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
    end.withLock { end in
      if isAlone { kill(-pid, SIGTERM) }
      var status: CInt = 0
      while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
      let signal = status & 0x7f
      end = signal == 0 ? .exited(Int(status >> 8) & 0xff) : .signalled(String(signal))
    }
    hasEnded.open()
  }

  /// How it ended; `nil` while it runs.
  var exit: CommandExit? { end.withLock { $0 } }

  /// Throws `CancellationError` alone.
  func untilEnd() async throws { try await hasEnded.wait() }

  /// Whether it has ended after `limit`.
  func hasEnded(within limit: Duration) async -> Bool { await hasEnded.isOpen(within: limit) }

  /// Ends it, and where that was asked for what it started, after `grace`; kills what is still there two seconds later.
  /// Does not wait.
  func end(after grace: Duration = .zero) {
    let delay = Double(grace.components.seconds) + Double(grace.components.attoseconds) / 1e18
    if delay == 0 {
      signal(SIGTERM)
    } else {
      DispatchQueue.global().asyncAfter(deadline: .now() + delay) { self.signal(SIGTERM) }
    }
    DispatchQueue.global().asyncAfter(deadline: .now() + delay + 2) { self.signal(SIGKILL) }
  }

  private func signal(_ number: CInt) {
    end.withLock { end in
      // Once it is reaped, the number may be another's.
      guard end == nil else { return }
      kill(isAlone ? -pid : pid, number)
    }
  }

  /// The last kilobytes of its standard error so far.
  var standardErrorTail: String {
    String(decoding: diagnostics.tail.withLock { $0 }, as: UTF8.self)
  }

  /// The same once there is nothing more to come, or after a second.
  func lastWords() async -> String {
    _ = await diagnostics.hasEnded.isOpen(within: .seconds(1))
    return standardErrorTail
  }
}
