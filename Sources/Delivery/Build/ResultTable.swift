// SPDX-License-Identifier: Apache-2.0

/// Which host did what in an image's run, kept as it happens.
struct ResultTable: Sendable {
  private let hosts: [String]
  private var rows: [String: HostResult] = [:]
  /// What went wrong with no host to blame.
  private var general: [ExitStatus] = []

  init(hosts: [String]) { self.hosts = hosts }

  mutating func set(_ host: String, _ part: HostResult.Part, _ summary: String, seconds: Double) {
    rows[host] = HostResult(host: host, part: part, status: .success, summary: summary, seconds: seconds)
  }

  /// Notes a failure under its host, or in general.
  mutating func fail(_ failure: DeliveryError, seconds: Double = 0) {
    guard let host = failure.host, hosts.contains(host) else { return general.append(failure.status) }
    rows[host] = HostResult(
      host: host, part: .failed, status: failure.status, summary: failure.what, seconds: seconds)
  }

  mutating func fail(_ host: String, _ failure: Arrivals.Failure) {
    fail(failure.error.on(host), seconds: failure.seconds)
  }

  /// Counts what went wrong on hosts that were not needed as no failure.
  mutating func excuse(allBut host: String) {
    for (name, row) in rows where name != host && row.part == .failed {
      rows[name] = HostResult(host: name, part: .skipped, status: .success, summary: row.summary, seconds: row.seconds)
    }
  }

  /// A row for every host; one that was not needed, or not come to, was skipped.
  var results: [HostResult] {
    hosts.map { host in
      rows[host] ?? HostResult(host: host, part: .skipped, status: .success, summary: "not needed", seconds: 0)
    }
  }

  var status: ExitStatus { ExitStatus.worst(rows.values.map(\.status) + general) }
}
