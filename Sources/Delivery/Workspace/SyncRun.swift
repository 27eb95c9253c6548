// SPDX-License-Identifier: Apache-2.0

internal import RemoteKit
internal import Sync
public import SystemPackage

/// What a sync would do with one path on a host.
public struct SyncChange: Codable, Sendable, Hashable, CustomStringConvertible {
  public enum Action: String, Codable, Sendable {
    case send, delete
    /// Edited on the host: it would be kept aside there, then overwritten.
    case save
    /// Not managed any more and edited on the host: it would be left there.
    case leave
  }
  public var host: String
  public var action: Action
  public var path: String

  public var description: String { "\(host)\t\(action.rawValue)\t\(path)" }
}

/// `remote-build sync`: brings the hosts' trees to the workspace, side by side.
public struct SyncRun: Sendable {
  let context: RunContext
  let named: FilePath?
  let selection: HostSelection
  let order: SyncOrder

  public init(context: RunContext, workspace: FilePath?, selection: HostSelection, order: SyncOrder) {
    self.context = context.hinting(selection, workspace)
    named = workspace
    self.selection = selection
    self.order = order
  }

  /// Syncs all hosts. What goes wrong on one is emitted, and in the status.
  public func run() async throws -> ExitStatus {
    let (workspace, hosts) = try place()
    let scanning = Task { [context] in try await workspace.scan(context: context) }
    let arrivals = Arrivals(
      hosts, workspace: workspace, selection: selection, order: order, context: context
    ) { try await scanning.value }
    do {
      _ = try await scanning.value
    } catch {
      await arrivals.close()
      throw error
    }
    let failures = await arrivals.failures()
    await arrivals.close()
    return ExitStatus.worst(failures.values.map(\.error.status))
  }

  /// What a sync would do on the hosts. What goes wrong on one is emitted, and in the status.
  public func difference() async throws -> ([SyncChange], ExitStatus) {
    let (workspace, scan, fleet) = try await connect()
    defer { Task { await fleet.close() } }
    let plans = await Fleet.each(fleet.sessions.map { ($0.name, $0) }, context: context) { session in
      try await session.rehearse(scan, of: workspace, order: order, context: context)
    }
    var changes: [SyncChange] = []
    for session in fleet.sessions {
      guard let plan = try? plans[session.name]?.get() else { continue }
      let paths: [(SyncChange.Action, [String])] = [
        (.send, plan.puts), (.delete, plan.deletes), (.save, plan.savedAside), (.leave, plan.leftBehind),
      ]
      for (action, paths) in paths {
        changes += paths.map { SyncChange(host: session.name, action: action, path: $0) }
      }
    }
    let failures = Array(fleet.failures.values) + plans.values.compactMap(\.failure)
    return (changes, ExitStatus.worst(failures.map(\.status)))
  }

  private func place() throws -> (LocalWorkspace, [Host]) {
    let workspace = try LocalWorkspace.open(named, context: context, needsProject: false)
    let inventory = try Fleet.inventory(of: workspace, context: context)
    return (workspace, try HostChoice(inventory: inventory, selection: selection).hosts())
  }

  private func connect() async throws -> (LocalWorkspace, Scan, Fleet) {
    let (workspace, hosts) = try place()
    async let connecting = Fleet.connect(
      hosts, workspace: workspace, selection: selection, context: context, isAnnounced: false)
    do {
      let scan = try await workspace.scan(context: context)
      return (workspace, scan, await connecting)
    } catch {
      await connecting.close()
      throw error
    }
  }
}
