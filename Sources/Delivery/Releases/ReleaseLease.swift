// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import RemoteKit
internal import Synchronization
internal import Vocabulary
internal import Wire

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// The right to move channels, held on a host while they are moved. Registries have no compare-and-swap: two laptops
/// exclude each other only where both ask one host.
struct ReleaseLease: Sendable {
  private let session: HostSession
  private let names: [String]
  /// Whether the session is somebody else's, and stays open.
  private let isBorrowed: Bool

  /// How many hosts are tried: each that is down costs its time to connect.
  private static let mostHosts = 3

  /// Hosts that are asked, in the same order on every laptop: those of the inventory that build, by name. What the
  /// command line names counts only where there is no inventory, since another laptop does not know it.
  static func hosts(_ inventory: Inventory, _ selection: HostSelection) throws -> [Host] {
    let building = inventory.hosts.filter { $0.roles.contains("build") }
    let hosts = building.isEmpty ? inventory.hosts : building
    guard hosts.isEmpty, !selection.names.isEmpty else { return Array(hosts.prefix(mostHosts)) }
    return try HostChoice(inventory: inventory, selection: selection).hosts()
  }

  /// Does `body` under leases on `names`, or without one where none was to be had, which is said.
  /// Throws ``DeliveryError`` with `leaseHeld` where someone else holds one.
  /// - Parameter open: a session that is open already, and may serve.
  static func with<Value>(
    _ names: [String], workspace: LocalWorkspace, selection: HostSelection, context: RunContext,
    open: HostSession? = nil, _ body: (ReleaseLease?) async throws -> Value
  ) async throws -> Value {
    let lease = try await take(names, workspace, selection, context, open)
    if lease == nil {
      context.warn("no host gave a lease: that someone else moves the same channel meanwhile was not excluded")
    }
    let result: Result<Value, any Error>
    do { result = .success(try await body(lease)) } catch { result = .failure(error) }
    await lease?.end()
    return try result.get()
  }

  private static func take(
    _ names: [String], _ workspace: LocalWorkspace, _ selection: HostSelection, _ context: RunContext,
    _ open: HostSession?
  ) async throws -> ReleaseLease? {
    let hosts = try hosts(Fleet.inventory(of: workspace, context: context), selection)
    let distinctName = Fleet.distinctName(of: workspace, on: hosts, selection: selection, context: context)
    for host in hosts {
      let isBorrowed = open?.name == host.name
      var session: HostSession?
      do {
        session =
          isBorrowed
          ? open
          : try await Fleet.open(
            host, of: workspace, distinctName: distinctName, selection: selection, context: context, isAnnounced: false)
        guard let session else { continue }
        // An agent of its own would give the lease back at its end.
        try await ReleaseClient(session.agent).take(names, owner: context.owner)
        return ReleaseLease(session: session, names: names, isBorrowed: isBorrowed)
      } catch {
        if !isBorrowed { await session?.close() }
        if let failure = error as? ServiceFailure, failure.code == ReleaseClient.leaseHeld {
          throw held(failure, host.name)
        }
        if error is CancellationError { throw error }
        context.warn("no lease there: \(DeliveryError(error, host: host.name).what)", host: host.name)
      }
    }
    return nil
  }

  private static func held(_ failure: ServiceFailure, _ host: String) -> DeliveryError {
    let owner = failure.details["owner"]?.first ?? "someone"
    let since = failure.details["since"]?.first.flatMap { Double($0) }.map {
      " since " + Date(timeIntervalSince1970: $0).formatted(.iso8601)
    }
    return DeliveryError(
      .leaseHeld, host: host, "\(owner) moves \(failure.details["name"]?.first ?? "the channel")\(since ?? "")",
      leftBehind: "nothing was moved", next: ["wait until they are done, then run the same command again"])
  }

  /// Notes lines in the host's audit log.
  func append(_ lines: [String], _ context: RunContext) async {
    do {
      try await ReleaseClient(session.agent).append(audit: lines)
    } catch {
      context.warn("the audit log there was not written: \(DeliveryError(error, host: nil).what)", host: session.name)
    }
  }

  private func end() async {
    // Where the connection is gone, so is the lease.
    try? await ReleaseClient(session.agent).release(names)
    if !isBorrowed { await session.close() }
  }
}
