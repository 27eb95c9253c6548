// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Registry
internal import Vocabulary

/// Finds what was built on the releases that a rollback leaves, by the labels of base images, and rolls it back too where
/// that was asked for.
struct DependentSearch: Sendable {
  let scope: ReleaseScope
  let channel: String
  let movesThem: Bool
  let context: RunContext

  /// The moves with their dependents, and those of the dependents behind them.
  func extend(_ moves: [PlannedMove]) async throws -> [PlannedMove] {
    var moves = moves
    var others = (scope.workspace.project?.images ?? []).map(\.name)
      .filter { name in !moves.contains { $0.move.image == name } }
    var next = 0
    while next < moves.count {
      let base = moves[next]
      // What is noted only, was left before: who stands on it is seen from where it came from, which nobody knows.
      if base.moves, let bad = base.standing?.digest {
        for name in others {
          let repository = try scope.repository(of: name)
          let state = try await repository.channel(channel)
          guard let current = state.current, let place = try await place(current, bad, repository, state) else {
            continue
          }
          moves[next].move.dependents.append(.init(image: name, place: place, isMoved: movesThem))
          guard movesThem else { continue }
          moves.append(try await plan(repository, state, base: base, place))
          others.removeAll { $0 == name }
        }
      }
      next += 1
    }
    return moves
  }

  /// Where a channel stands, if that was built on `bad`. It may be broken itself: its labels are read, no more.
  private func place(
    _ manifest: Manifest, _ bad: Digest, _ repository: ReleaseRepository, _ state: ReleaseRepository.Channel
  ) async throws -> ChannelMove.Place? {
    guard try await repository.registry.labels(repository.repository, manifest)[Self.base] == bad.description else {
      return nil
    }
    return try await repository.find(manifest.digest, in: state)?.place
      ?? ChannelMove.Place(digest: manifest.digest, tag: nil)
  }

  /// To its last release on what the base goes back to, or on what lies before that.
  private func plan(
    _ repository: ReleaseRepository, _ state: ReleaseRepository.Channel, base: PlannedMove, _ place: ChannelMove.Place
  ) async throws -> PlannedMove {
    let line = try await base.repository.channel(channel).history.line
    let good = Set(line.prefix { $0 != base.target.digest }.map(\.description) + [base.target.digest.description])
    var skipped: [ChannelMove.Skipped] = []
    for digest in state.history.line.dropLast().reversed() {
      guard let found = try await repository.find(digest, in: state) else { continue }
      switch found.soundness {
      case .broken(let problems):
        skipped.append(.init(digest: digest, tag: found.place.tag, problems: problems))
      case .whole(let image):
        guard let on = image.labels[Self.base], good.contains(on) else { continue }
        return try await PlannedMove(repository, state, to: found, skipped: skipped)
      }
    }
    throw DeliveryError(
      .releaseRefused,
      "\(repository.image) has no whole release on \(base.move.image) \(base.move.to.tag ?? base.move.to.digest.description)",
      details: ["it stands on \(place.tag ?? place.digest.description)"]
        + skipped.map { "\($0.tag ?? $0.digest.description) is broken: \($0.problems.first ?? "")" },
      leftBehind: DeliveryError.nothingMoved,
      next: ["build it again on the older base, or roll back without --dependents"])
  }

  private static let base = "org.opencontainers.image.base.digest"
}
