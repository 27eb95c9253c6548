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

/// `remote-build jobs` and `cancel`.
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
    let fleet = try await connect()
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

  /// Stops a job and all that it started.
  public func cancel(_ id: String) async throws -> ExitStatus {
    let fleet = try await connect([id])
    defer { Task { await fleet.close() } }
    let lists = await fleet.jobs(context)
    for session in fleet.sessions {
      let client = JobClient(session.agent)
      guard let job = (try? lists[session.name]?.get())?.first(where: { $0.id == id }) else { continue }
      if job.phase == .cancelled {
        context.warn("job \(id) was cancelled before", host: session.name)
        return .success
      }
      guard !job.isOver else {
        throw DeliveryError(.usage, host: session.name, "job \(id) is over: \(job.stateForPeople)")
      }
      try await client.cancel(id)
      context.warn("job \(id) was cancelled", host: session.name)
      return .success
    }
    throw DeliveryError(
      fleet.failures.isEmpty ? .usage : ExitStatus.worst(fleet.failures.values.map(\.status)),
      "no job \(id) on \(fleet.sessions.map(\.name).joined(separator: ", "))", next: [context.hints.jobs])
  }

  private func connect(_ ids: [String] = []) async throws -> Fleet {
    let workspace = try LocalWorkspace.open(named, context: context, needsProject: false)
    let inventory = try Fleet.inventory(of: workspace, context: context)
    let selection = selection.onHosts(of: ids, context)
    let hosts = try HostChoice(inventory: inventory, selection: selection).hosts()
    return await Fleet.connect(
      hosts, workspace: workspace, selection: selection, context: context, isAnnounced: !ids.isEmpty)
  }
}
