// SPDX-License-Identifier: Apache-2.0

/// How a run ended, as the number with which the program exits (`docs/command-line.md`).
public enum ExitStatus: Int32, Sendable, Codable, CaseIterable {
  /// All of it happened and was verified.
  case success = 0
  /// A build, test, deploy or lint failed.
  case failed = 1
  /// The command line, or a file of configuration, is wrong.
  case usage = 64
  /// A host, its builder or the registry cannot be reached.
  case unavailable = 69
  /// The sync was refused or could not be completed.
  case syncRefused = 73
  /// A release was refused, or a channel moved meanwhile.
  case releaseRefused = 74
  /// Someone else holds the lease.
  case leaseHeld = 75
  /// Verification failed.
  case verificationFailed = 76
  /// Authentication or a host key was refused.
  case authentication = 77
  /// Interrupted or detached.
  case interrupted = 130

  /// With several hosts the run's status is the first of these that occurred on any of them.
  private static let precedence: [ExitStatus] = [
    .verificationFailed, .failed, .releaseRefused, .syncRefused, .leaseHeld, .authentication, .unavailable, .usage,
    .interrupted,
  ]

  /// The status of a run whose parts ended in `statuses`.
  public static func worst(_ statuses: some Sequence<ExitStatus>) -> ExitStatus {
    let occurred = Set(statuses)
    return precedence.first { occurred.contains($0) } ?? .success
  }
}
