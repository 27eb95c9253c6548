// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Registry
public import SystemPackage
internal import Vocabulary

/// `remote-build promote IMAGE[:TAG]…`: moves a channel to a release that stands whole in the registry, all channels of
/// one command or none.
public struct PromoteRun: Sendable {
  let context: RunContext
  let named: FilePath?
  let selection: HostSelection
  let order: ReleaseOrder
  private let jobs: ActiveJobs

  public init(
    context: RunContext, workspace: FilePath?, selection: HostSelection, order: ReleaseOrder,
    jobs: ActiveJobs = ActiveJobs()
  ) {
    self.context = context.hinting(selection, workspace, order)
    self.jobs = jobs
    named = workspace
    self.selection = selection
    self.order = order
  }

  public func run() async throws -> ExitStatus {
    let workspace = try LocalWorkspace.open(named, context: context, needsProject: false)
    let scope = ReleaseScope(workspace, order, context)
    guard !order.images.isEmpty else {
      throw DeliveryError(.usage, "no image is named", leftBehind: "nothing was changed")
    }
    guard let channel = try scope.channel() else {
      throw DeliveryError(
        .usage, "no channel is configured", leftBehind: "nothing was changed",
        next: ["write channel: stable into \(LocalWorkspace.fileName), or name one: --channel NAME"])
    }
    var moves: [PlannedMove] = []
    for image in try scope.named() {
      let planned = try await plan(image, channel, scope)
      context.emit(.moving(planned.move))
      moves.append(planned)
    }
    guard !order.isDry else { return .success }
    return try await ChannelRun(
      workspace: workspace, selection: selection, command: "promote", isAgreed: order.isAgreed, context: context,
      jobs: jobs
    ).carryOut(moves)
  }

  private func plan(_ named: ReleaseScope.Named, _ channel: String, _ scope: ReleaseScope) async throws -> PlannedMove {
    let repository = named.repository
    try await repository.registry.check(repository: repository.repository)
    let state = try await repository.channel(channel)
    let reference: ManifestReference
    if let given = named.reference {
      reference = given
    } else {
      reference = .tag(try Tag(try await scope.version(of: named)))
    }
    guard let found = try await repository.find(reference, in: state) else {
      throw DeliveryError(
        .releaseRefused, "there is no \(repository.image) \(reference) in \(repository.name)",
        leftBehind: DeliveryError.nothingMoved,
        next: ["see what there is: \(context.hints.release("releases", [repository.image]))"])
    }
    return try await PlannedMove(
      repository, state, to: PlannedMove.proven(found, "\(repository.image) \(reference)"))
  }
}
