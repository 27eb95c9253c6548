// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import RemoteKit
public import SystemPackage
internal import Vocabulary

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// `remote-build hosts`: the inventory, and how each host of it stands.
public struct HostsRun: Sendable {
  let context: RunContext
  let named: FilePath?
  let selection: HostSelection

  /// How long one host is waited for.
  static let patience = Duration.seconds(10)

  public init(context: RunContext, workspace: FilePath?, selection: HostSelection) {
    self.context = context.hinting(selection, workspace)
    named = workspace
    self.selection = selection
  }

  /// All hosts, asked side by side, each for ten seconds at most. One that is not reached is no error, but a row and in
  /// the status. Throws ``DeliveryError`` where a file is wrong, or there are no hosts.
  public func list() async throws -> ([HostRow], ExitStatus) {
    let workspace = try LocalWorkspace.open(named, context: context, needsProject: false)
    let inventory = try Fleet.inventory(of: workspace, context: context)
    let hosts = try HostChoice(inventory: inventory, selection: selection).hosts()
    let distinctName = Fleet.distinctName(of: workspace, on: hosts, selection: selection, context: context)
    let rows = await withTaskGroup(of: (Int, HostRow).self) { group in
      for (index, host) in hosts.enumerated() {
        group.addTask { (index, await row(host, workspace, distinctName)) }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    let sorted = rows.sorted { $0.0 < $1.0 }.map(\.1)
    return (sorted, ExitStatus.worst(sorted.compactMap(\.status)))
  }

  private func row(_ host: Host, _ workspace: LocalWorkspace, _ distinctName: Task<String, Never>) async -> HostRow {
    let bare = HostRow(
      host: host.name, file: HostFile.path(of: host.name, workspace: workspace, context: context)?.string,
      address: "\(host.address)", state: .unreachable, platforms: host.platforms, roles: host.roles,
      maxBuilds: host.maxBuilds ?? 2)
    return await withTaskGroup(of: HostRow.self) { group in
      group.addTask { await asked(host, workspace, distinctName, bare) }
      group.addTask {
        try? await Task.sleep(for: Self.patience)
        var row = bare
        row.reason = "no answer within \(Self.patience.components.seconds) s"
        row.status = .unavailable
        return row
      }
      defer { group.cancelAll() }
      return await group.next() ?? bare
    }
  }

  private func asked(
    _ host: Host, _ workspace: LocalWorkspace, _ distinctName: Task<String, Never>, _ bare: HostRow
  ) async -> HostRow {
    var row = bare
    do {
      let session = try await HostSession.open(
        host, project: workspace.name, distinctName: distinctName, selection: selection, context: context)
      defer { Task { await session.close() } }
      let client = JobClient(session.agent)
      if row.platforms.isEmpty { row.platforms = [session.platform] }
      let jobs = try await client.list()
      row.running = jobs.filter { $0.phase == .running }.count
      row.queued = jobs.filter { $0.phase == .queued }.count
      let facts = try await client.facts(of: session.workspace)
      row.free = facts.freeDisk
      row.state = .noBuilder
      row.status = .unavailable
      row.reason = "nothing named docker is on its PATH"
      for path in facts.builders where path.hasSuffix("/docker") {
        let format = "{{.ServerVersion}}\t{{.DockerRootDir}}"
        let found = try await client.run(
          CommandRequest(argv: [path, "info", "--format", format], environment: DockerBuilder.environment, timeout: 8))
        let words = found.text.split(separator: "\t").map(String.init)
        guard found.succeeded, let version = words.first, !version.isEmpty else {
          row.reason = found.lastErrorLine ?? "docker does not answer"
          continue
        }
        row.builder = "docker \(version)"
        (row.state, row.reason, row.status) = (.ready, nil, nil)
        if words.count > 1, words[1].hasPrefix("/") { row.free = try await client.facts(of: words[1]).freeDisk }
        break
      }
    } catch {
      let failure = DeliveryError(error, host: host.name)
      row.reason = failure.what
      row.status = failure.status
    }
    return row
  }
}
