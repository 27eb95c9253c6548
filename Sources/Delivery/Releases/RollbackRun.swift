// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Registry
public import SystemPackage
internal import Vocabulary

/// `remote-build rollback IMAGE…`: moves a channel to the release before the one that it stands on, or to one that is
/// named, when that is whole. Without a channel, puts the version back where the workspace pins it.
public struct RollbackRun: Sendable {
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
    let images = try scope.named()
    for image in images {
      guard image.reference == nil else {
        throw DeliveryError(
          .usage, "a rollback of \(image.repository.image) goes to a release that is named apart",
          leftBehind: DeliveryError.nothingMoved, next: ["name it: --to TAG"])
      }
      try await image.repository.registry.check(repository: image.repository.repository)
    }
    guard let channel = try scope.channel() else {
      return try await PinnedRollback(workspace: workspace, order: order, context: context).run(images)
    }
    var plans: [Plan] = []
    for image in images { plans.append(try await plan(image.repository, channel)) }
    let search = DependentSearch(scope: scope, channel: channel, movesThem: order.includesDependents, context: context)
    let moves = try await search.extend(plans.map(\.move))
    for planned in moves { context.emit(.moving(planned.move)) }
    guard !order.isDry else { return .success }
    let status = try await ChannelRun(
      workspace: workspace, selection: selection, command: "rollback", isAgreed: order.isAgreed, context: context,
      jobs: jobs
    ).carryOut(moves)
    for plan in plans where plan.isOthers {
      let failure = DeliveryError(
        .releaseRefused,
        "\(plan.move.move.reference) stood on \(plan.move.move.to.tag ?? plan.move.move.to.digest.description) already: "
          + "a rollback there was cut off, or another tool made it",
        leftBehind: "the channel where it was; its history now says so",
        next: ["to go a release further back, run the same command again"])
      context.emit(.failed(failure))
      return .releaseRefused
    }
    return status
  }

  private struct Plan: Sendable {
    var move: PlannedMove
    /// Whether it only notes a step back that this laptop did not begin.
    var isOthers = false
  }

  private func plan(_ repository: ReleaseRepository, _ channel: String) async throws -> Plan {
    let state = try await repository.channel(channel)
    guard let current = state.current else {
      throw DeliveryError(
        .releaseRefused, "\(repository.name) has no channel \(channel)", leftBehind: DeliveryError.nothingMoved,
        next: ["move it to a release first: \(context.hints.release("promote", ["\(repository.image):TAG"]))"])
    }
    for tag in state.unreadable {
      context.warn("\(repository.name):\(tag) of the history stands on nothing that can be read, and is passed over")
    }
    if let target = order.target { return try await plan(repository, state, to: target) }
    let isOurs = AuditLog(context: context).hasCutOffRollback(
      of: "\(repository.name):\(channel)", to: current.digest)
    if isOurs || state.history.hasUnnotedStepBack {
      guard let found = try await repository.find(current.digest, in: state) else { throw vanished(repository) }
      var move = try await PlannedMove(
        repository, state, to: PlannedMove.proven(found, "what \(repository.name):\(channel) stands on"))
      move.isTakenUp = isOurs
      if isOurs {
        context.warn(
          "the last rollback of \(move.move.reference) was cut off, and has come to \(move.move.to.tag ?? "its end"): it is "
            + "completed, and goes no further")
      }
      return Plan(move: move, isOthers: !isOurs)
    }
    var skipped: [ChannelMove.Skipped] = []
    for digest in state.history.line.dropLast().reversed() {
      guard let found = try await repository.find(digest, in: state) else {
        skipped.append(.init(digest: digest, tag: state.historyTags[digest], problems: ["its manifest is gone"]))
        continue
      }
      guard found.problems.isEmpty else {
        skipped.append(.init(digest: digest, tag: found.place.tag, problems: found.problems))
        continue
      }
      return Plan(move: try await PlannedMove(repository, state, to: found, skipped: skipped))
    }
    throw DeliveryError(
      .releaseRefused,
      "no \(skipped.isEmpty ? "" : "whole ")release stands before the one that \(repository.name):\(channel) is on",
      details: skipped.map { "\($0.tag ?? $0.digest.description) is broken: \($0.problems.first ?? "")" },
      leftBehind: DeliveryError.nothingMoved,
      next: ["name one: --to TAG, as \(context.hints.release("releases", [repository.image])) lists them"])
  }

  /// To a release that was named by tag or digest.
  private func plan(
    _ repository: ReleaseRepository, _ state: ReleaseRepository.Channel, to target: String
  ) async throws -> Plan {
    guard let found = try await repository.find(ManifestReference(target), in: state) else {
      throw DeliveryError(
        .releaseRefused, "there is no \(repository.image) \(target) in \(repository.name)",
        leftBehind: DeliveryError.nothingMoved,
        next: ["see what there is: \(context.hints.release("releases", [repository.image]))"])
    }
    let move = try await PlannedMove(
      repository, state, to: PlannedMove.proven(found, "\(repository.image) \(target)"))
    guard move.moves || !move.isNoted else {
      throw DeliveryError(
        .releaseRefused, "\(move.move.reference) stands on \(target) already", leftBehind: DeliveryError.nothingMoved)
    }
    return Plan(move: move)
  }

  private func vanished(_ repository: ReleaseRepository) -> DeliveryError {
    DeliveryError(
      .releaseRefused, "the channel of \(repository.name) was taken away meanwhile",
      leftBehind: DeliveryError.nothingMoved, next: ["run the same command again"])
  }
}
