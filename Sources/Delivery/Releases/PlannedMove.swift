// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Registry
internal import Vocabulary

/// One channel's move with all that it takes to carry it out, or to take it back.
struct PlannedMove: Sendable {
  var move: ChannelMove
  var repository: ReleaseRepository
  /// What the channel shall stand on.
  var target: Manifest
  /// What it stands on; `nil` where there is no such channel.
  var standing: Manifest?

  /// Whether the channel's history ends with what it stands on.
  var isNoted: Bool
  /// Whether it was begun here before and may be through, which nobody has seen yet.
  var isTakenUp = false
  /// Whether there is anything to do, if only to see that it is done.
  var isNeeded: Bool { moves || !isNoted || isTakenUp }
  /// Whether the channel's own tag has to be written.
  var moves: Bool { standing?.digest != target.digest }
  var channel: String { move.channel }

  /// What keeps others away: `registry/owner/name:channel`.
  var lease: String { move.reference }

  init(
    _ repository: ReleaseRepository, _ channel: ReleaseRepository.Channel, to found: ReleaseRepository.Found,
    skipped: [ChannelMove.Skipped] = []
  ) async throws {
    self.repository = repository
    target = found.manifest
    standing = channel.current
    isNoted = channel.history.isNoted
    let line = channel.history.line
    let digest = found.manifest.digest
    let from: ChannelMove.Place?
    if let current = channel.current {
      let place = current.digest == digest ? found.place : try await repository.find(current.digest, in: channel)?.place
      from = place ?? ChannelMove.Place(digest: current.digest, tag: nil)
    } else {
      from = nil
    }
    move = ChannelMove(
      image: repository.image, channel: channel.name, reference: "\(repository.name):\(channel.name)",
      direction: channel.current?.digest == digest ? .noted : line.dropLast().contains(digest) ? .back : .forward,
      from: from, to: found.place, skipped: skipped, isBuiltHere: found.isBuiltHere)
  }

  /// Refuses a target that is not whole, before anything moves.
  static func proven(_ found: ReleaseRepository.Found, _ reference: String) throws -> ReleaseRepository.Found {
    guard case .broken(let problems) = found.soundness else { return found }
    throw DeliveryError(
      .releaseRefused, "\(reference) is broken in the registry", details: Array(problems.prefix(8)),
      leftBehind: "nothing was moved", next: ["build and push it again under a new version"])
  }
}
