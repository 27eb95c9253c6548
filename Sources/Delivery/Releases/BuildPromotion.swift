// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Registry
internal import Vocabulary

/// What a verified release of a clean commit does to its image's channel, where one is configured.
struct BuildPromotion: Sendable {
  let image: String
  /// `owner/name`.
  let repository: String
  let tag: String
  let channel: String
  let registry: RegistryAccess
  let workspace: LocalWorkspace
  let selection: HostSelection
  let context: RunContext
  let jobs: ActiveJobs

  /// Moves the channel to the release. One that stood already, and that the channel has been on, is left alone: it may
  /// have been rolled back from.
  /// - Parameters:
  ///   - isLate: whether the proof comes long after the build, so that the channel may be on a newer release by now.
  ///   - open: a session that may serve for the lease.
  func run(_ release: VerifiedImage, isStanding: Bool, isLate: Bool = false, open: HostSession?) async throws {
    do {
      let own = ReleaseRepository(image: image, repository: repository, registry: registry)
      let state = try await own.channel(channel)
      if isStanding, state.current?.digest != release.digest,
        state.history.entries.contains(where: { $0.digest == release.digest })
      {
        context.warn(
          "the channel \(channel) stays where it is: it was on \(image) \(tag) before and was moved away; to move it "
            + "there again: \(context.hints.release("promote", ["\(image):\(tag)"]))")
        return
      }
      if isLate, let current = state.current, current.digest != release.digest,
        case .whole(let standing) = try await registry.soundness(repository, .tag(Tag(channel)), is: current.digest),
        let made = release.created, let known = standing.created, made <= known
      {
        context.warn(
          "the channel \(channel) stays where it is: what it stands on was made after \(image) \(tag); to move it all the "
            + "same: \(context.hints.release("promote", ["\(image):\(tag)"]))")
        return
      }
      guard let found = try await own.find(.tag(Tag(tag)), in: state), found.manifest.digest == release.digest else {
        throw DeliveryError(.releaseRefused, "\(own.name):\(tag) is no longer what was verified")
      }
      let planned = try await PlannedMove(own, state, to: PlannedMove.proven(found, "\(image) \(tag)"))
      guard planned.moves || !planned.isNoted else { return }
      let done = try await ReleaseLease.with(
        [planned.lease], workspace: workspace, selection: selection, context: context, open: open
      ) { lease in
        try await ChannelMoves(moves: [planned], command: "build", context: context, jobs: jobs).carryOut(under: lease)
      }
      for move in done { context.emit(.moved(move)) }
    } catch {
      var failure = DeliveryError(error, host: nil)
      let left = failure.leftBehind.map { "; \($0)" } ?? ""
      failure.leftBehind = "\(image) \(tag) stands verified\(left)"
      failure.next.append("move the channel: \(context.hints.release("promote", ["\(image):\(tag)"]))")
      throw failure
    }
  }
}
