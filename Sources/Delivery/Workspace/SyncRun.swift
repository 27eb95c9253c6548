// SPDX-License-Identifier: Apache-2.0

internal import Sync
public import SystemPackage

/// `remote-build sync`: brings the hosts' trees to the workspace, side by side.
public struct SyncRun: Sendable {
  let context: RunContext
  let named: FilePath?
  let selection: HostSelection
  let order: SyncOrder

  public init(context: RunContext, workspace: FilePath?, selection: HostSelection, order: SyncOrder) {
    self.context = context
    named = workspace
    self.selection = selection
    self.order = order
  }

  /// Syncs all hosts. What goes wrong on one is emitted, and in the status.
  public func run() async throws -> ExitStatus {
    let (workspace, scan, connected) = try await begin()
    var fleet = connected
    await fleet.sync(scan, of: workspace, order: order, context: context)
    await fleet.close()
    return ExitStatus.worst(fleet.failures.values.map(\.status))
  }

  /// What a sync would do on the hosts, a line a path, each with its host in front where there are several.
  public func difference() async throws -> [String] {
    let (workspace, scan, fleet) = try await begin()
    defer { Task { await fleet.close() } }
    if let failure = fleet.names.compactMap({ fleet.failures[$0] }).first { throw failure }
    var lines: [String] = []
    for session in fleet.sessions {
      let plan = try await session.rehearse(scan, of: workspace, order: order, context: context)
      let prefix = fleet.sessions.count > 1 ? "\(session.name)\t" : ""
      lines += plan.puts.map { "\(prefix)send    \($0)" } + plan.deletes.map { "\(prefix)delete  \($0)" }
      lines += plan.savedAside.map { "\(prefix)save    \($0)" } + plan.leftBehind.map { "\(prefix)leave   \($0)" }
    }
    return lines
  }

  private func begin() async throws -> (LocalWorkspace, Scan, Fleet) {
    let workspace = try LocalWorkspace.open(named, context: context, needsProject: false)
    let inventory = try Fleet.inventory(of: workspace, context: context)
    let hosts = try HostChoice(inventory: inventory, selection: selection).hosts()
    async let connecting = Fleet.connect(hosts, workspace: workspace, selection: selection, context: context)
    do {
      let scan = try await workspace.scan(context: context)
      return (workspace, scan, await connecting)
    } catch {
      await connecting.close()
      throw error
    }
  }
}
