// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Runs one job from its first step to its last, in a session of its own: `remote-build-agent supervise DIR`.
///
/// It reads the specification from standard input, answers on standard output once it has all that it needs, and then
/// depends on nobody: its descriptors are `/dev/null`, a file for its own last words, and the locks that it holds for the job by inheriting
/// them. It has one thread. SIGTERM cancels the job.
final class Supervisor {
  private let spec: JobSpec
  private let job: JobDirectory
  private let store: JobStore
  private let environment: HostEnvironment
  private let surroundings: StepSurroundings
  private let events: Events
  private let printed: OutputPipe
  private let family = Family()
  private var status: JobStatus

  /// What it says when it has taken a job; anything else is a failure in JSON.
  static let taken = Array("taken".utf8)

  /// How long a cancelled step may take to end by itself.
  static let grace: Double = 10

  /// A specification with its secrets, in bytes.
  private static let longestSpec = 64 << 20
  private static let longestOutput = 64 << 10

  /// Does the whole job; returns the process's exit status.
  static func run(_ directory: String) -> CInt {
    do {
      _ = rb_no_core_dumps()
      let supervisor = try Supervisor(directory)
      try FileDescriptor.standardOutput.writeAll(taken)
      supervisor.letGo()
      supervisor.work()
      return 0
    } catch {
      let failure = error as? ServiceFailure ?? ServiceFailure(.system, "\(error)")
      _ = try? FileDescriptor.standardOutput.writeAll(FrameConnection.json(failure))
      return 1
    }
  }

  private init(_ directory: String) throws {
    environment = .current()
    job = JobDirectory(path: FilePath(directory))
    store = JobStore(environment)
    let events = try Events()
    self.events = events
    let bytes = try SmallFile.read("/dev/stdin", limit: Self.longestSpec)
    spec = try FrameConnection.decode(JobSpec.self, bytes)
    status = JobStatus(spec, created: secondsSince1970())
    guard let own = ProcessIdentity.current() else {
      throw ServiceFailure(.system, "/proc is not mounted, or does not show this process")
    }
    status.supervisor = own
    let (log, limit) = (job.log, spec.logLimit)
    printed = try OutputPipe(
      try ServiceFailure.wrapping("cannot open the log") { try JobLogWriter(log, limit: limit) })
    surroundings = StepSurroundings(environment)
    do {
      try job.write(status)
      try surroundings.place(spec.secrets, id: spec.id)
      if spec.dockerConfig { try surroundings.configureDocker(spec.credentials, id: spec.id, state: store.root) }
    } catch {
      surroundings.remove()
      throw error
    }
    events.surroundings = surroundings
    events.output = printed
  }

  /// Gives up the pipes to whoever started it.
  private func letGo() {
    let null = try? FileDescriptor.open("/dev/null", .readWrite)
    // Without /dev/null, as in a bare chroot, a pipe that has ended does as well.
    let ended = null == nil ? try? FileDescriptor.privatePipe() : nil
    if let input = null ?? ended?.readEnd { _ = try? input.duplicate(as: .standardInput) }
    if let output = null ?? ended?.writeEnd { _ = try? output.duplicate(as: .standardOutput) }
    try? ended?.writeEnd.close()
    for descriptor in [null, ended?.readEnd] { try? descriptor?.close() }
  }

  private func work() {
    let phase: JobPhase
    do {
      phase = try waitForTurn() ? try runSteps() : .cancelled
    } catch {
      status.message = "\(error)"
      phase = .failed
    }
    // First, so that a client that sees the end finds nothing left.
    family.killAll()
    printed.drain()
    surroundings.remove()
    status.phase = phase
    status.ended = secondsSince1970()
    job.writeLast(status)
  }

  /// False when the job was cancelled while it waited.
  private func waitForTurn() throws -> Bool {
    let queue = JobQueue(
      store: store, id: spec.id, created: status.created, maxBuilds: spec.isBesideQueue ? .max : spec.maxBuilds)
    while !events.isCancelled {
      let ahead = try queue.enter {
        status.phase = .running
        status.position = nil
        status.started = secondsSince1970()
        try job.write(status)
      }
      if ahead.isEmpty { return true }
      if status.position != ahead.count {
        status.position = ahead.count
        try job.write(status)
      }
      waitForEnd(of: ahead)
    }
    return false
  }

  /// Returns when one of the jobs may have ended.
  private func waitForEnd(of others: [JobStatus]) {
    var watched: [FileDescriptor] = []
    defer { for descriptor in watched { try? descriptor.close() } }
    var deadline: Double?
    for supervisor in others.compactMap(\.supervisor) {
      switch ProcessDescriptor.open(supervisor) {
      case .open(let descriptor): watched.append(descriptor)
      case .ended: return
      // A kernel before 5.3: looking again is all that is left.
      case .unsupported: deadline = monotonicSeconds() + 1
      }
    }
    events.wait(watched, until: deadline)
  }

  private func runSteps() throws -> JobPhase {
    for (index, step) in spec.steps.enumerated() {
      if events.isCancelled { return .cancelled }
      status.step = step.name
      status.steps[index].started = secondsSince1970()
      let end = try run(step, index)
      status.steps[index].ended = secondsSince1970()
      status.steps[index].process = nil
      status.steps[index].exitStatus = end.status
      status.steps[index].signal = end.signal
      if let failure = printed.failure {
        throw ServiceFailure.system("what the job printed cannot be written to its log in \(job.path)", failure)
      }
      guard end.succeeded else {
        if events.isCancelled { return .cancelled }
        status.exitStatus = end.status
        status.signal = end.signal
        return .failed
      }
      for name in step.outputs { status.outputs[name] = output(name) }
      try job.write(status)
    }
    status.step = nil
    return .pushed
  }

  private func run(_ step: JobStep, _ index: Int) throws -> ProcessEnd {
    let argv = step.argv.map { argument in
      fill(fill(argument, "{outputs}", job.outputs.string), "{secrets}", surroundings.secrets?.string ?? "{secrets}")
    }
    let child = ChildProcess(
      argv: argv, environment: environment.adding(step.environment).adding(variables(for: step)),
      directory: step.directory)
    let pid = try child.start(.group, descriptors: [.standardInput, printed.writing, printed.writing])
    status.steps[index].process = ProcessIdentity(running: pid)
    try? job.write(status)
    var deadline: Double?
    while !family.hasEnded(pid) {
      if (events.isCancelled || printed.failure != nil) && deadline == nil {
        family.signalAll(SIGTERM)
        deadline = monotonicSeconds() + Self.grace
      }
      if let deadline, monotonicSeconds() >= deadline { family.signalAll(SIGKILL) }
      events.wait(until: deadline.flatMap { monotonicSeconds() < $0 ? $0 : nil })
      family.reapOrphans(but: pid)
    }
    let end = family.bury(pid)
    printed.drain()
    return end
  }

  /// A step's own `PATH` comes behind our programs, not in their place.
  private func variables(for step: JobStep) -> [String: String] {
    var variables = surroundings.variables
    if let own = step.environment["PATH"], let path = variables["PATH"] {
      variables["PATH"] = "\(path.prefix { $0 != ":" }):\(own)"
    }
    return variables
  }

  private func output(_ name: String) -> String? {
    guard !name.contains("/"), name != "..",
      let bytes = try? SmallFile.read(job.outputs.appending(name), limit: Self.longestOutput)
    else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func fill(_ text: String, _ placeholder: String, _ value: String) -> String {
    var result = ""
    var rest = text[...]
    while let range = rest.firstRange(of: placeholder) {
      result += rest[..<range.lowerBound] + value
      rest = rest[range.upperBound...]
    }
    return result + rest
  }
}
