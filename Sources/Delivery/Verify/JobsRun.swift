// SPDX-License-Identifier: Apache-2.0

internal import Jobs
public import SystemPackage
internal import Wire

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A job on a host, as `remote-build jobs` lists it.
public struct JobRow: Codable, Sendable, Hashable, CustomStringConvertible {
  public var id: String
  public var host: String
  /// What it makes: `registry/owner/name:version`.
  public var title: String
  /// How far it is: `running build`, `pushed, unverified`, `failed push`.
  public var state: String
  /// Who started it: `user@laptop`.
  public var owner: String
  public var started: Date

  public var description: String {
    let time = started.formatted(Date.ISO8601FormatStyle(dateTimeSeparator: .space))
    return "\(id)  \(host)  \(time)  \(state)  \(title)  \(owner)"
  }
}

/// `remote-build jobs`, `cancel` and `dismiss`.
public struct JobsRun: Sendable {
  let context: RunContext
  let named: FilePath?
  let selection: HostSelection

  public init(context: RunContext, workspace: FilePath?, selection: HostSelection) {
    self.context = context.hinting(selection, workspace)
    named = workspace
    self.selection = selection
  }

  /// The jobs of all hosts, the newest first. A host that cannot be reached is emitted, and in the status.
  public func list() async throws -> ([JobRow], ExitStatus) {
    let fleet = try await search.connect([], isAnnounced: false)
    defer { Task { await fleet.close() } }
    var rows: [JobRow] = []
    let lists = await fleet.jobs(context)
    for session in fleet.sessions {
      for job in (try? lists[session.name]?.get()) ?? [] {
        rows.append(
          JobRow(
            id: job.id, host: session.name, title: job.title, state: job.stateForPeople, owner: job.owner,
            started: Date(timeIntervalSince1970: job.created)))
      }
    }
    let failures = Array(fleet.failures.values) + lists.values.compactMap(\.failure)
    return (rows.sorted { $0.id > $1.id }, ExitStatus.worst(failures.map(\.status)))
  }

  var search: JobSearch { JobSearch(context: context, workspace: named, selection: selection) }
}
