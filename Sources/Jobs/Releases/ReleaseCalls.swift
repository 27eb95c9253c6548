// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// The services that keep releases in order between laptops: leases on channels, and the audit log.
enum ReleaseCall {
  static let take = "lease.take"
  static let release = "lease.release"
  static let append = "audit.append"
  static let read = "audit.read"

  struct Leases: Codable, Sendable {
    /// What each lease is for, such as `registry/owner/image:channel`.
    var names: [String]
    /// Who asks: `user@laptop`.
    var owner: String
  }

  struct Lines: Codable, Sendable {
    /// Each one JSON object, without a line feed.
    var lines: [String]
  }
}

/// Adds the services of leases and of the audit log to an agent's table.
enum ReleaseServices {
  static func add(to table: inout ServiceTable, store: JobStore, locks: HeldLocks) {
    let leases = NamedLeases(directory: store.releases, locks: locks)
    let audit = AuditFile(directory: store.releases)
    table.add(ReleaseCall.take) { (call: ReleaseCall.Leases, _) in
      try leases.take(call.names, owner: call.owner)
      return Nothing()
    }
    table.add(ReleaseCall.release) { (call: ReleaseCall.Leases, _) in
      leases.release(call.names)
      return Nothing()
    }
    table.add(ReleaseCall.append) { (call: ReleaseCall.Lines, _) in
      try audit.append(call.lines)
      return Nothing()
    }
    table.add(ReleaseCall.read) { (_: Nothing, _) in ReleaseCall.Lines(lines: try audit.read()) }
  }
}
