// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// How far a job is.
public enum JobPhase: String, Codable, Hashable, Sendable, CaseIterable {
  /// Waits until others have ended; ``JobStatus/position`` says for how many.
  case queued
  /// A step runs: ``JobStatus/step``.
  case running
  /// All steps succeeded, and no client has verified the result yet.
  case pushed
  /// All steps succeeded, and a client has verified the result.
  case verified
  /// All steps succeeded, and somebody said that nobody will verify the result.
  case dismissed
  /// A step failed, or could not be started.
  case failed
  /// Somebody stopped it.
  case cancelled
  /// Its supervisor is gone without having said how the job ended: it was killed, or the host was restarted.
  case lost

  /// Whether nothing of the job runs any more.
  public var isOver: Bool { self != .queued && self != .running }
}

/// A job as it stands, stored beside its log.
public struct JobStatus: Codable, Hashable, Sendable {
  public var id: String
  public var title: String
  public var workspace: String
  public var owner: String
  /// The text that the client stored to take the run up again.
  public var plan: String
  public var phase: JobPhase
  /// While queued: how many jobs come before this one.
  public var position: Int?
  /// The step under way, or the one that failed.
  public var step: String?
  /// The failed step's exit status.
  public var exitStatus: Int?
  /// The signal that ended the failed step.
  public var signal: Int?
  /// Why it failed, where neither an exit status nor a signal says it.
  public var message: String?
  /// The digest under which the result was verified.
  public var digest: Digest?
  /// When it was asked for, began to run, and ended: the host's clock, in seconds since 1970.
  public var created: Double
  public var started: Double?
  public var ended: Double?
  public var steps: [StepStatus]
  /// What the steps left in their output files, by the file's name.
  public var outputs: [String: String]
  public var supervisor: ProcessIdentity?
  /// Whether it is beside the queue; left out in files of older agents, as the next.
  public var isBesideQueue: Bool?
  /// What the host has to say about how the job runs there.
  public var warnings: [String]?

  public init(_ spec: JobSpec, created: Double) {
    id = spec.id
    title = spec.title
    workspace = spec.workspace
    owner = spec.owner
    plan = spec.plan
    phase = .queued
    self.created = created
    isBesideQueue = spec.isBesideQueue
    warnings = spec.warnings.isEmpty ? nil : spec.warnings
    steps = spec.steps.map { StepStatus(name: $0.name) }
    outputs = [:]
  }

  public var isOver: Bool { phase.isOver }

  /// Whether every step succeeded.
  public var succeeded: Bool { phase == .pushed || phase == .verified || phase == .dismissed }

  public var verified: Bool { phase == .verified }

  /// Whether all was pushed and nobody has verified it. A job without a plan pushes nothing that could be verified.
  public var needsProof: Bool { phase == .pushed && !plan.isEmpty }

  public var failedStep: String? { phase == .failed ? step : nil }

  /// What the steps left in the output file `name`, without the white space around it; `nil` when there is none.
  public func output(_ name: String) -> String? {
    outputs[name].map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
  }

  /// How long the step `name` ran, in seconds; 0 when it has not ended.
  public func seconds(of name: String) -> Double {
    guard let step = steps.first(where: { $0.name == name }), let started = step.started else { return 0 }
    return max(0, (step.ended ?? started) - started)
  }

  /// The phase in words: `queued (2 before it)`, `running (build)`, `pushed, unverified`, `failed (push, exit 1)`.
  public var stateForPeople: String {
    switch phase {
    case .queued: position.map { "queued (\($0) before it)" } ?? "queued"
    case .running: step.map { "running (\($0))" } ?? "running"
    case .pushed: plan.isEmpty ? "done" : "pushed, unverified"
    case .failed: "failed (\([step, reason].compactMap { $0 }.joined(separator: ", ")))"
    case .verified, .dismissed, .cancelled, .lost: phase.rawValue
    }
  }

  private var reason: String? { exitStatus.map { "exit \($0)" } ?? signal.map { "signal \($0)" } ?? message }
}

/// One step's course.
public struct StepStatus: Codable, Hashable, Sendable {
  public var name: String
  /// The host's clock, in seconds since 1970; `nil` before it began or ended.
  public var started: Double?
  public var ended: Double?
  public var exitStatus: Int?
  public var signal: Int?
  /// The leader of the step's process group.
  public var process: ProcessIdentity?

  public init(name: String) { self.name = name }
}

/// A process that can be told from a later one of the same number.
public struct ProcessIdentity: Codable, Hashable, Sendable {
  public var pid: Int32
  /// When it was started, in clock ticks since the boot, as in `/proc/PID/stat`.
  public var startTime: UInt64
  /// The boot that the start time counts from.
  public var boot: String

  public init(pid: Int32, startTime: UInt64, boot: String) {
    self.pid = pid
    self.startTime = startTime
    self.boot = boot
  }
}
