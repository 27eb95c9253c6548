// SPDX-License-Identifier: Apache-2.0

/// One thing that was looked at, and what was found: a row of `remote-build doctor`.
public struct Check: Codable, Sendable, Hashable {
  public enum Verdict: String, Codable, Sendable { case pass, warn, fail }

  /// What is looked at, in the order of a table.
  public enum Subject: String, Codable, Sendable, CaseIterable {
    // Of this machine and the registry.
    case registry, certificate
    case registryClock = "registry-clock"
    case registryLogin = "registry-login"
    case push
    // The way to a host.
    case name, reach
    case hostKey = "host-key"
    case login, library, sessions, agent, line
    // The host.
    case clock, platform, shell, logout, workspace, lease, disk, inodes, jobs, secrets
    // Its builder.
    case builder, socket, buildkit, proxy
    // The registry as the host sees it.
    case hostName = "registry-name"
    case hostReach = "registry-reach"
    case hostTrust = "registry-trust"
    case
      hostPull = "registry-pull"
  }

  /// The host, by its name in the inventory; `nil` for what concerns this machine and the registry.
  public var host: String?
  public var check: Subject
  public var verdict: Verdict
  /// What was found, in one sentence without a full stop.
  public var what: String
  /// How to mend it, the nearest first; empty where it passed.
  public var mend: [String]
  /// With which status a run would end because of it; `nil` unless it failed.
  public var status: ExitStatus?

  private enum CodingKeys: String, CodingKey {
    case host, check
    case verdict = "state"
    case what, mend, status
  }

  static func pass(_ subject: Subject, _ what: String) -> Check {
    Check(host: nil, check: subject, verdict: .pass, what: what, mend: [], status: nil)
  }

  static func warn(_ subject: Subject, _ what: String, mend: String...) -> Check {
    Check(host: nil, check: subject, verdict: .warn, what: what, mend: mend, status: nil)
  }

  static func fail(_ subject: Subject, _ status: ExitStatus, _ what: String, mend: [String]) -> Check {
    Check(host: nil, check: subject, verdict: .fail, what: what, mend: mend, status: status)
  }

  /// What a run's error says, as a check's.
  static func fail(_ subject: Subject, _ error: any Error, host: String?) -> Check {
    let error = DeliveryError(error, host: host)
    return .fail(subject, error.status, ([error.what] + error.details).joined(separator: "; "), mend: error.next)
  }
}

/// What was found of one host, or of this machine and the registry.
public struct Examination: Sendable, Hashable {
  /// The host's name; `nil` for this machine and the registry.
  public var host: String?
  /// In the order of ``Check/Subject``.
  public var checks: [Check]
  /// How long it took.
  public var seconds: Double
  /// `os/architecture`, where an agent told it.
  public var platform: String?

  init(host: String?, checks: [Check], seconds: Double, platform: String? = nil) {
    self.host = host
    self.platform = platform
    let order = Dictionary(uniqueKeysWithValues: Check.Subject.allCases.enumerated().map { ($1, $0) })
    self.checks = checks.map { check in
      var check = check
      check.host = host
      return check
    }.sorted { (order[$0.check] ?? 0) < (order[$1.check] ?? 0) }
    self.seconds = seconds
  }

  public var status: ExitStatus { ExitStatus.worst(checks.compactMap(\.status)) }
}
