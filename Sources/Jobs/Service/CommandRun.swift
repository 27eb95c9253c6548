// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Runs a short command with a deadline and takes what it writes.
struct CommandRun: Sendable {
  let request: CommandRequest
  let environment: HostEnvironment
  /// The state directory, where what Docker's configuration keeps lies.
  let state: FilePath

  /// Of each of the two outputs, in bytes.
  private static let longestOutput = 1 << 20

  func run() async throws -> CommandResult {
    // One thread from start to end: the child is asked to end when the thread that started it does.
    let queue = DispatchQueue(label: "remote-build.command")
    return try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try self.runNow() }) }
    }
  }

  private func runNow() throws -> CommandResult {
    let surroundings = StepSurroundings(environment)
    defer { surroundings.remove() }
    if !request.credentials.isEmpty {
      try surroundings.configureDocker(request.credentials, id: "command", state: state)
    }
    let child = ChildProcess(
      argv: request.argv, environment: environment.adding(request.environment).adding(surroundings.variables),
      directory: request.directory)
    let pipes = try CommandPipes(input: Array((request.stdin ?? "").utf8))
    let pid = try child.start(.group, descriptors: pipes.theirs)
    pipes.closeTheirs()
    let end = CommandEnd(pid)
    let deadline = monotonicSeconds() + max(0, min(request.timeout, 1e6))
    var timedOut = false
    while true {
      let served = surroundings.credentials?.descriptors ?? []
      let rest = timedOut ? nil : max(0, deadline - monotonicSeconds())
      let ready = Self.poll(pipes.reading + [end.reading] + served, writing: pipes.writing, seconds: rest)
      for descriptor in ready { pipes.transfer(descriptor, limit: Self.longestOutput) }
      for descriptor in ready where served.contains(descriptor) { surroundings.credentials?.serve(descriptor) }
      if ready.contains(end.reading) { break }
      if !timedOut && monotonicSeconds() >= deadline {
        timedOut = true
        kill(-pid, SIGKILL)
      }
    }
    // Whatever it left behind in its group would keep the pipes open.
    let outcome = end.bury()
    pipes.drain(limit: Self.longestOutput)
    return CommandResult(
      status: outcome.status, signal: outcome.signal, timedOut: timedOut,
      standardOutput: pipes.standardOutput, standardError: pipes.standardError, truncated: pipes.isTruncated)
  }

  /// Those of the descriptors that are ready; none when the time is over.
  private static func poll(
    _ reading: [FileDescriptor], writing: FileDescriptor?, seconds: Double?
  ) -> [FileDescriptor] {
    var polled = reading.map { pollfd(fd: $0.rawValue, events: Int16(POLLIN), revents: 0) }
    if let writing { polled.append(pollfd(fd: writing.rawValue, events: Int16(POLLOUT), revents: 0)) }
    let milliseconds = seconds.map { CInt(min($0 * 1000 + 1, 1e9)) } ?? -1
    #if canImport(Glibc)
      _ = Glibc.poll(&polled, nfds_t(polled.count), milliseconds)
    #else
      _ = Darwin.poll(&polled, nfds_t(polled.count), milliseconds)
    #endif
    return polled.filter { $0.revents != 0 }.map { FileDescriptor(rawValue: $0.fd) }
  }
}

/// Waits for the end of a command's leader on a thread of its own, and tells by a pipe.
private final class CommandEnd {
  private let pid: Int32
  private let ends: (readEnd: FileDescriptor, writeEnd: FileDescriptor)?
  var reading: FileDescriptor { ends?.readEnd ?? FileDescriptor(rawValue: -1) }

  init(_ pid: Int32) {
    self.pid = pid
    ends = try? FileDescriptor.privatePipe()
    guard let ends else { return }
    for end in [ends.readEnd, ends.writeEnd] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
    let writing = ends.writeEnd
    DispatchQueue(label: "remote-build.command.end").async {
      var facts = siginfo_t()
      // Not reaped here: until then nothing else can have its number.
      while waitid(P_PID, id_t(pid), &facts, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
      try? writing.close()
    }
  }

  deinit { try? ends?.readEnd.close() }

  /// Kills what is left of the process group and reaps the leader.
  func bury() -> ProcessEnd {
    kill(-pid, SIGKILL)
    var status: CInt = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    return ProcessEnd(waitStatus: status)
  }
}
