// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import RemoteKit
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
  /// - Parameter isAnnounced: whether it is; a list on standard output has no room for it.
  static func connect(
    _ hosts: [Host], workspace: LocalWorkspace, selection: HostSelection, context: RunContext, isAnnounced: Bool = true
  ) async -> Fleet {
    let distinctName = distinctName(of: workspace, on: hosts, selection: selection, context: context)
    let outcomes = await each(hosts.map { ($0.name, $0) }, context: context) { host in
      try await open(
        host, of: workspace, distinctName: distinctName, selection: selection, context: context,
        isAnnounced: isAnnounced)
    }
    return Fleet(
      sessions: hosts.compactMap { try? outcomes[$0.name]?.get() },
      failures: outcomes.compactMapValues { $0.failure }, names: hosts.map(\.name))
  }

  /// Needed once an agent answers: Git says it while the connections are made.
  static func distinctName(
    of workspace: LocalWorkspace, on hosts: [Host], selection: HostSelection, context: RunContext
  ) -> Task<String, Never> {
    let isAsked = selection.remoteDirectory == nil && hosts.contains { $0.workspace == Host.defaultWorkspace }
    return Task { isAsked ? await workspace.distinctName(owner: context.owner) : workspace.name }
  }

  /// Connects to a host, and says so.
  /// - Parameter first: what is asked of it at once.
  static func open(
    _ host: Host, of workspace: LocalWorkspace, distinctName: Task<String, Never>, selection: HostSelection,
    context: RunContext, isAnnounced: Bool = true, first: (HostSession) async throws -> Void = { _ in }
  ) async throws -> HostSession {
    let start = ContinuousClock.now
    let session: HostSession
    do {
      session = try await HostSession.open(
        host, project: workspace.name, distinctName: distinctName, selection: selection, context: context)
    } catch {
      throw unsent(error, host)
    }
    do {
      try await first(session)
    } catch {
      await session.close()
      throw unsent(error, host)
    }
    if isAnnounced {
      context.emit(
        .connected(.init(seconds: start.duration(to: .now).seconds, platform: session.platform, builder: nil)),
        host: host.name)
    }
    return session
  }

  private static func unsent(_ error: any Error, _ host: Host) -> DeliveryError {
    var failure = DeliveryError(error, host: host.name)
    failure.leftBehind = failure.leftBehind ?? "nothing was sent there"
    return failure
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
