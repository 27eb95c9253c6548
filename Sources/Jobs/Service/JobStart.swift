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
    let (pipes, pid) = try launch(job, holding: held)
    do {
      try await pipes.write(FrameConnection.json(spec))
      try await pipes.finishWriting()
      var answer: [UInt8] = []
      while let more = try await pipes.read(upTo: 64 << 10), answer.count < 1 << 20 { answer += more }
      await pipes.close()
      guard answer != Supervisor.taken else { return }
      throw (try? FrameConnection.decode(ServiceFailure.self, answer))
        ?? ServiceFailure(.system, "the job's supervisor (process \(pid)) ended before it took the job")
    } catch {
      await pipes.close()
      throw error
    }
  }

  private func launch(_ job: JobDirectory, holding held: [FileDescriptor]) throws -> (DescriptorStream, Int32) {
    try ServiceFailure.wrapping("cannot start a supervisor") {
      let input = try FileDescriptor.privatePipe()
      let output = try FileDescriptor.privatePipe()
      let log = try FileDescriptor.open(job.log, .writeOnly, options: [.append, .closeOnExec])
      let ours = [input.writeEnd, output.readEnd]
      let theirs = [input.readEnd, output.writeEnd, log]
      for descriptor in ours + theirs { _ = fcntl(descriptor.rawValue, F_SETFD, FD_CLOEXEC) }
      defer { for descriptor in theirs { try? descriptor.close() } }
      do {
        let pid = try ChildProcess(
          argv: ["remote-build-agent", "supervise", job.path.string], environment: environment
        )
        .start(.detached, descriptors: theirs + held, executable: executable)
        return (try DescriptorStream(reading: output.readEnd, writing: input.writeEnd), pid)
      } catch {
        for descriptor in ours { try? descriptor.close() }
        throw error
      }
    }
  }
}
