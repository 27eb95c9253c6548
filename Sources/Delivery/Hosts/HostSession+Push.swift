// SPDX-License-Identifier: Apache-2.0

internal import Sync
internal import SystemPackage

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

extension HostSession {
  /// Brings the workspace's copy on this host to the scan, and says what that took.
  @discardableResult
  func push(
    _ scan: Scan, of workspace: LocalWorkspace, order: SyncOrder, context: RunContext
  ) async throws -> PushReport {
    let clock = ContinuousClock()
    let start = clock.now
    let push = try workspacePush(scan, of: workspace, order: order, context: context)
    let report: PushReport
    do {
      report = try await whileAgentLives { session in
        try await push.run(
          over: session.agent, hasBegun: session.takeBegun(), channels: { try await session.openAgent(bulk: true) })
      }
    } catch let error where DeliveryError.isBrokenConnection(error) {
      var failure = DeliveryError(error, host: name)
      failure.leftBehind = failure.leftBehind ?? DeliveryError.halfSynced
      throw failure
    }
    for warning in report.warnings { context.warn(warning, host: name) }
    for path in report.leftBehind { context.warn("left on the host, since it was edited there: \(path)", host: name) }
    context.emit(
      .synced(
        .init(
          filesTotal: report.files, filesChanged: report.changed, filesDeleted: report.deleted,
          contentBytes: report.contentBytes, bytesSent: report.bytesSent, bytesReceived: report.bytesReceived,
          roundTrips: report.roundTrips, seconds: start.duration(to: clock.now).seconds, tree: report.treeDigest,
          savedAside: report.savedAside)),
      host: name)
    return report
  }

  /// What a push would do; nothing is changed.
  func rehearse(
    _ scan: Scan, of workspace: LocalWorkspace, order: SyncOrder, context: RunContext
  ) async throws -> PushPlanReport {
    try await workspacePush(scan, of: workspace, order: order, context: context, isDry: true).rehearse(over: agent)
  }

  /// Begins the call of a push, so that the host looks at its side while this one is still scanned.
  func beginPush(of local: LocalWorkspace, order: SyncOrder, context: RunContext) async throws {
    try await pushCall(of: local, order: order, context: context, isDry: false).begin(over: agent)
    noteBegun()
  }

  private func pushCall(
    of local: LocalWorkspace, order: SyncOrder, context: RunContext, isDry: Bool
  ) -> PushCall {
    let options = PushOptions(
      adopt: order.adopts, allowMassDelete: order.allowsMassDelete, owner: context.owner, project: local.name)
    return PushCall(workspace: workspace, options: options, isDry: isDry)
  }

  private func workspacePush(
    _ scan: Scan, of local: LocalWorkspace, order: SyncOrder, context: RunContext, isDry: Bool = false
  ) throws -> WorkspacePush {
    let ancestors = context.directories.ancestors
    try FileManager.default.createDirectory(
      atPath: ancestors.string, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    return WorkspacePush(
      scan: scan, host: name, call: pushCall(of: local, order: order, context: context, isDry: isDry),
      ancestors: AncestorStore(directory: ancestors))
  }
}
