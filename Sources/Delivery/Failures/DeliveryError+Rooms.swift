// SPDX-License-Identifier: Apache-2.0

internal import Registry
internal import RemoteKit
internal import Settings
internal import Sync
internal import Wire

/// The rooms' own errors, said for people: which exit status, what was left behind, what to type next.
extension DeliveryError {
  /// Any error of a run, in the words for people.
  public init(wrapping error: any Error) { self.init(error, host: nil) }

  /// - Parameter host: the host on which it happened, where the error does not say it.
  init(_ error: any Error, host: String?) {
    switch error {
    case let error as DeliveryError: self = error.on(host)
    case let error as RemoteError: self = Self(error)
    case let error as ServiceFailure: self = Self(error, host: host)
    case let error as RegistryError: self = Self(error)
    case let error as SyncError where [.badPattern, .badContext].contains(error.code):
      self.init(.usage, host: host, error.message, leftBehind: "nothing was sent", next: ["mend it and run again"])
    case let error as SyncError:
      self.init(
        .syncRefused, host: host, error.message, leftBehind: "the host's tree is as it was",
        next: ["run the same command again"])
    case let error as SettingsError:
      self.init(.usage, error.description, leftBehind: "nothing was changed")
    case let error as WireError:
      self.init(
        .unavailable, host: host, "the connection broke: \(error.context)", next: ["run the same command again"])
    case is CancellationError: self.init(.interrupted, host: host, "interrupted")
    default: self.init(.failed, host: host, "\(error)")
    }
  }

  /// Whether the line broke, rather than that somebody refused something.
  static func isBrokenConnection(_ error: any Error) -> Bool {
    switch error {
    case let error as RemoteError: [.connectionLost, .timedOut, .unreachable].contains(error.code)
    case let error as WireError: error.code != .malformed && error.code != .tooLarge
    default: false
    }
  }

  private init(_ error: RemoteError) {
    let status: ExitStatus =
      switch error.code {
      case .unknownHostKey, .changedHostKey, .revokedHostKey, .authenticationRefused: .authentication
      case .configuration, .unsupported: .usage
      default: .unavailable
      }
    self.init(status, host: error.host, error.message, next: error.hint.map { [$0] } ?? [])
  }

  /// What an agent refused. The codes of a sync are ``Refusal``; the others are the jobs'.
  private init(_ failure: ServiceFailure, host: String?) {
    let details = failure.details.sorted { $0.key < $1.key }.flatMap { $0.value }
    let refusal = Refusal(rawValue: failure.code)
    let next: [String] =
      switch refusal {
      case .notOurs:
        // Only what the agent says can be adopted can: not a file, nor another user's directory without write permission.
        ["name another directory: --remote-dir DIRECTORY"]
          + (failure.message.contains("--adopt") ? ["or take this one over: --adopt"] : [])
      case .inTheWay: ["move them away there, or take them over: --adopt"]
      case .massDelete: ["if that is meant: --allow-mass-delete"]
      case .diskFull: ["make room there, then run the same command again"]
      case .leaseHeld, .treeChanged, .digestMismatch: ["run the same command again"]
      default: []
      }
    let status: ExitStatus =
      switch refusal {
      case .leaseHeld?: .leaseHeld
      case _?: .syncRefused
      case nil: failure.code == "disk-full" ? .syncRefused : .failed
      }
    let docker = " (`docker builder prune`)"
    let message = refusal == .diskFull ? failure.message.replacing(docker, with: "") : failure.message
    self.init(
      status, host: host, message, details: details,
      leftBehind: refusal.map {
        [.diskFull, .digestMismatch, .io].contains($0)
          ? Self.halfSynced
          : "the host's tree is as it was"
      }, next: next)
  }

  /// What a sync that breaks off leaves.
  static let halfSynced = "each path there is as it was or as it should be; the next sync goes on from that"

  /// Whether a builder's lines say that the disk is full.
  static func isFullDisk(_ lines: [String]) -> Bool {
    lines.contains { $0.lowercased().contains("no space left on device") }
  }

  private init(_ error: RegistryError) {
    let status: ExitStatus =
      switch error.code {
      case .unauthorized, .forbidden, .credentials: .authentication
      case .invalidReference: .usage
      case .unreachable, .connectionLost, .tls, .timedOut, .server: .unavailable
      default: .verificationFailed
      }
    self.init(status, (error.registry.map { "\($0): " } ?? "") + error.message, next: error.hint.map { [$0] } ?? [])
  }
}
