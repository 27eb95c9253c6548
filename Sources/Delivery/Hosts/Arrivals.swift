// SPDX-License-Identifier: Apache-2.0

internal import RemoteKit
internal import Sync
internal import SystemPackage

/// The hosts of a run, each on its own way to a tree that equals the scan: a slow or dead one holds up no other.
struct Arrivals: Sendable {
  /// Why a host is not there, and after how long that was known.
  struct Failure: Error {
    var error: DeliveryError
    /// From when the hosts were set out for.
    var seconds: Double
  }

  /// Every host's name, in order.
  let names: [String]
  private let ways: [String: Task<Result<HostSession, Failure>, Never>]

  /// Sets out for all hosts at once. What goes wrong on one is emitted when it does.
  /// - Parameter scan: what is pushed, as soon as it is there; where it throws, nothing is, and nothing is emitted.
  init(
    _ hosts: [Host], workspace: LocalWorkspace, selection: HostSelection, order: SyncOrder, context: RunContext,
    scan: @escaping @Sendable () async throws -> Scan
  ) {
    names = hosts.map(\.name)
    let start = ContinuousClock.now
    let distinctName = Fleet.distinctName(of: workspace, on: hosts, selection: selection, context: context)
    ways = Dictionary(
      uniqueKeysWithValues: hosts.map { host in
        let way = Task { () -> Result<HostSession, Failure> in
          do {
            let session = try await Fleet.open(
              host, of: workspace, distinctName: distinctName, selection: selection, context: context
            ) { try await $0.beginPush(of: workspace, order: order, context: context) }
            do {
              try await session.push(try await scan(), of: workspace, order: order, context: context)
            } catch {
              await session.close()
              throw error
            }
            return .success(session)
          } catch {
            let failure = DeliveryError(error, host: host.name)
            if !Task.isCancelled, (try? await scan()) != nil { context.emit(.failed(failure), host: host.name) }
            return .failure(Failure(error: failure, seconds: start.duration(to: .now).seconds))
          }
        }
        return (host.name, way)
      })
  }

  /// The session with a host whose tree is the scan's, once it is there.
  func session(_ name: String) async throws(Failure) -> HostSession {
    guard let way = ways[name] else {
      throw Failure(error: DeliveryError(.usage, host: name, "not a host of this run"), seconds: 0)
    }
    return try await way.value.get()
  }

  /// How all of them fared, once each is there or not.
  func failures() async -> [String: Failure] {
    var failures: [String: Failure] = [:]
    for (name, way) in ways { failures[name] = await way.value.failure }
    return failures
  }

  /// Closes the sessions, and gives up what is still on its way.
  func close() async {
    for way in ways.values { way.cancel() }
    for way in ways.values { if case .success(let session) = await way.value { await session.close() } }
  }
}
