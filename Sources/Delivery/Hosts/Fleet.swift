// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import RemoteKit
internal import Sync
internal import SystemPackage

/// The hosts of a run: connected side by side, so that a slow or dead one holds up no other.
struct Fleet: Sendable {
  /// The sessions that stand, in the order in which the hosts were named.
  var sessions: [HostSession]
  /// What went wrong on the others, by host.
  var failures: [String: DeliveryError]
  /// Every host's name, in order.
  var names: [String]

  /// The inventory: the workspace's `hosts/` and the user's own.
  static func inventory(of workspace: LocalWorkspace, context: RunContext) throws -> Inventory {
    do {
      return try Inventory.load(directories: [context.directories.hosts, workspace.root.appending("hosts")])
    } catch {
      throw DeliveryError(
        .usage, "\(error)", leftBehind: "nothing was changed", next: ["mend the host file and run again"])
    }
  }

  /// Connects to all of `hosts`, and says so of each.
  /// - Parameter sync: begins a push on each, which must follow.
  static func connect(
    _ hosts: [Host], workspace: LocalWorkspace, selection: HostSelection, sync: SyncOrder? = nil, context: RunContext
  ) async -> Fleet {
    let clock = ContinuousClock()
    // Needed once an agent answers: Git says it while the connections are made.
    let isAsked = selection.remoteDirectory == nil && hosts.contains { $0.workspace == Host.defaultWorkspace }
    let distinctName = Task { isAsked ? await workspace.distinctName(owner: context.owner) : workspace.name }
    let outcomes = await each(hosts.map { ($0.name, $0) }, context: context) { host in
      let start = clock.now
      let session: HostSession
      do {
        session = try await HostSession.open(
          host, project: workspace.name, distinctName: distinctName, selection: selection, context: context)
        if let sync { try await session.beginPush(of: workspace, order: sync, context: context) }
      } catch {
        var failure = DeliveryError(error, host: host.name)
        failure.leftBehind = failure.leftBehind ?? "nothing was sent there"
        throw failure
      }
      context.emit(
        .connected(.init(seconds: start.duration(to: clock.now).seconds, platform: session.platform, builder: nil)),
        host: host.name)
      return session
    }
    return Fleet(
      sessions: hosts.compactMap { try? outcomes[$0.name]?.get() },
      failures: outcomes.compactMapValues { $0.failure }, names: hosts.map(\.name))
  }

  /// Does something on several hosts side by side; a failure is emitted as it happens, and kept.
  static func each<Item: Sendable, Value: Sendable>(
    _ items: [(name: String, item: Item)], context: RunContext,
    _ body: @escaping @Sendable (Item) async throws -> Value
  ) async -> [String: Result<Value, DeliveryError>] {
    await withTaskGroup(of: (String, Result<Value, DeliveryError>).self) { group in
      for (name, item) in items {
        group.addTask {
          do {
            return (name, .success(try await body(item)))
          } catch {
            let failure = DeliveryError(error, host: name)
            context.emit(.failed(failure), host: name)
            return (name, .failure(failure))
          }
        }
      }
      return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
  }

  /// Brings the tree of each session's host to the scan; a host that refuses it leaves the fleet.
  mutating func sync(
    _ scan: Scan, of workspace: LocalWorkspace, order: SyncOrder, context: RunContext
  ) async {
    let outcomes = await Self.each(sessions.map { ($0.name, $0) }, context: context) { session in
      try await session.push(scan, of: workspace, order: order, context: context)
    }
    for session in sessions {
      guard let failure = outcomes[session.name]?.failure else { continue }
      failures[session.name] = failure
      await session.close()
    }
    sessions.removeAll { failures[$0.name] != nil }
  }

  /// The jobs on each host; a host that does not tell them is emitted.
  func jobs(_ context: RunContext) async -> [String: Result<[JobStatus], DeliveryError>] {
    await Self.each(sessions.map { ($0.name, $0) }, context: context) { try await JobClient($0.agent).list() }
  }

  func close() async {
    for session in sessions { await session.close() }
  }
}

extension Result {
  var failure: Failure? { if case .failure(let failure) = self { failure } else { nil } }
}

extension Duration {
  /// In seconds, fractions included.
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
