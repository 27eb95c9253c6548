// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Starts a job's supervisor and hands it the specification.
struct JobStart {
  let store: JobStore
  let environment: HostEnvironment
  let locks: HeldLocks
  /// The agent's program, which is the supervisor too.
  let executable: String

  /// Returns when the supervisor has taken the job. Otherwise nothing of it is left, and the locks are still held here.
  func start(_ spec: JobSpec) async throws -> JobStatus {
    guard !spec.steps.isEmpty, spec.steps.allSatisfy({ !$0.argv.isEmpty && $0.directory.hasPrefix("/") }) else {
      throw ServiceFailure(.invalidSpec, "a job needs steps, and each a command and an absolute directory")
    }
    let held = try take(spec.holds)
    let job: JobDirectory
    do {
      job = try store.create(spec)
      do {
        try await supervise(spec, job, holding: held.map(\.1))
      } catch {
        SmallFile.removeTree(job.path)
        throw error
      }
    } catch {
      for (path, descriptor) in held { locks.hold(path, descriptor) }
      throw error
    }
    for (_, descriptor) in held { try? descriptor.close() }
    return try job.status()
  }

  private func take(_ paths: [String]) throws -> [(String, FileDescriptor)] {
    var held: [(String, FileDescriptor)] = []
    for path in paths {
      guard let descriptor = locks.take(path) else {
        for (path, descriptor) in held { locks.hold(path, descriptor) }
        throw ServiceFailure(.lockNotHeld, "the lock of \(path) is not held on this connection")
      }
      held.append((path, descriptor))
    }
    return held
  }

  private func supervise(_ spec: JobSpec, _ job: JobDirectory, holding held: [FileDescriptor]) async throws {
    let verdict = await LoginManager(environment: environment).verdict()
    // By this process's number: a program that systemd-run becomes must not look for itself.
    let program = executable == "/proc/self/exe" ? "/proc/\(getpid())/exe" : executable
    let launch = SupervisorLaunch.choose(verdict, executable: program, job, environment)
    guard let failure = try await answer(to: spec, launch, job, held) else { return }
    guard launch.executable != program else { throw failure }
    let plain = launch.withoutScope(program, job.path, environment)
    if let failure = try await answer(to: spec, plain, job, held) { throw failure }
  }

  /// Starts it and hands it the specification; `nil` when it has taken it, a failure when it said nothing. Throws what it
  /// said otherwise.
  private func answer(
    to spec: JobSpec, _ launch: SupervisorLaunch, _ job: JobDirectory, _ held: [FileDescriptor]
  ) async throws -> ServiceFailure? {
    var spec = spec
    spec.warnings = launch.warnings
    let (pipes, pid) = try start(launch, job, holding: held)
    var answer: [UInt8] = []
    do {
      try await pipes.write(FrameConnection.json(spec))
      try await pipes.finishWriting()
      while let more = try await pipes.read(upTo: 64 << 10), answer.count < 1 << 20 { answer += more }
    } catch is WireError {
      // It ended before it had read everything.
    } catch {
      await pipes.close()
      throw error
    }
    await pipes.close()
    if answer == Supervisor.taken { return nil }
    if let failure = try? FrameConnection.decode(ServiceFailure.self, answer) { throw failure }
    return ServiceFailure(.system, "the job's supervisor (process \(pid)) ended before it took the job")
  }

  private func start(
    _ launch: SupervisorLaunch, _ job: JobDirectory, holding held: [FileDescriptor]
  ) throws -> (DescriptorStream, Int32) {
    try ServiceFailure.wrapping("cannot start a supervisor") {
      let input = try FileDescriptor.privatePipe()
      let output = try FileDescriptor.privatePipe()
      let words = try FileDescriptor.open(
        job.words, .writeOnly, options: [.create, .append, .closeOnExec], permissions: .ownerReadWrite)
      let ours = [input.writeEnd, output.readEnd]
      let theirs = [input.readEnd, output.writeEnd, words]
      for descriptor in ours + theirs { _ = fcntl(descriptor.rawValue, F_SETFD, FD_CLOEXEC) }
      defer { for descriptor in theirs { try? descriptor.close() } }
      do {
        let pid = try ChildProcess(argv: launch.argv, environment: launch.environment)
          .start(.detached, descriptors: theirs + held, executable: launch.executable)
        return (try DescriptorStream(reading: output.readEnd, writing: input.writeEnd), pid)
      } catch {
        for descriptor in ours { try? descriptor.close() }
        throw error
      }
    }
  }
}
