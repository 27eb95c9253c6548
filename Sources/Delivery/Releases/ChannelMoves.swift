// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Registry
internal import Vocabulary

/// Moves channels, all of them or none: what was moved is put back where a later one fails.
///
/// The order is such that a cut at any point leaves every channel on its old release or on its new one, and that the
/// registry alone tells which: a channel's own tag is written first, its history after all tags read back. A step back
/// that is not noted shows as one (``Images/ChannelHistory/hasUnnotedStepBack``), and the next rollback notes it instead
/// of going a step further.
struct ChannelMoves: Sendable {
  let moves: [PlannedMove]
  let command: String
  let context: RunContext
  let jobs: ActiveJobs

  /// Where the tags stand after a failure.
  private enum Standing: Sendable {
    case old, new
    case other(Digest?)
    case unknown
  }

  /// - Returns: the moves with their places in the history.
  func carryOut(under lease: ReleaseLease?) async throws -> [ChannelMove] {
    let audit = AuditLog(context: context)
    let id = ULID().description
    func entries(_ result: AuditEntry.Result, _ reason: String? = nil) -> [AuditEntry] {
      moves.map { planned in
        var entry = AuditEntry(
          id: id, who: context.owner, command: command, image: planned.repository.name, result: result)
        entry.channel = planned.channel
        entry.from = planned.standing?.digest
        entry.to = planned.target.digest
        entry.version = planned.move.to.tag
        entry.reason = reason
        return entry
      }
    }
    var channels: [ReleaseRepository.Channel] = []
    for planned in moves { channels.append(try await unmoved(planned)) }
    await audit.append(entries(.begun), on: lease)
    do {
      let noted = try await jobs.whileMoving {
        for (planned, channel) in zip(moves, channels) { try await catchUp(planned, channel) }
        try await moveAll()
        return try await noteAll()
      }
      await audit.append(entries(.done), on: lease)
      return noted
    } catch {
      let failure = DeliveryError(error, host: nil)
      await audit.append(entries(failure.isUndone ? .undone : .failed, failure.what), on: lease)
      throw failure
    }
  }

  /// Throws where a channel is not where the plan found it.
  private func unmoved(_ planned: PlannedMove) async throws -> ReleaseRepository.Channel {
    let channel = try await planned.repository.channel(planned.channel)
    guard channel.current?.digest == planned.standing?.digest else {
      throw DeliveryError(
        .releaseRefused, "\(planned.move.reference) moved since the plan was made",
        details: [
          "then: \(planned.standing.map { "\($0.digest)" } ?? "not there")",
          "now:  \(channel.current.map { "\($0.digest)" } ?? "not there")",
        ], leftBehind: DeliveryError.nothingMoved, next: ["run the same command again, and read its plan"])
    }
    return channel
  }

  /// Notes where a channel stands that its history does not know, such as what another tool pushed: only so is it kept,
  /// and can be gone back to.
  private func catchUp(_ planned: PlannedMove, _ channel: ReleaseRepository.Channel) async throws {
    guard let current = channel.current, !channel.history.isNoted, planned.moves else { return }
    do {
      _ = try await note(current, planned, after: channel)
    } catch {
      throw DeliveryError(error, host: nil).leaving(DeliveryError.nothingMoved)
    }
  }

  private func moveAll() async throws {
    // A channel that is new cannot always be taken away again, so those come last.
    let moving = moves.filter(\.moves)
    let ordered = moving.filter { $0.standing != nil } + moving.filter { $0.standing == nil }
    var touched: [PlannedMove] = []
    do {
      for planned in ordered {
        touched.append(planned)
        try await planned.repository.registry.put(
          planned.target, planned.repository.repository, tag: planned.channel)
      }
      for planned in ordered {
        let digest = try await planned.repository.registry.manifest(
          planned.repository.repository, .tag(Tag(planned.channel)))?.digest
        guard digest == planned.target.digest else {
          throw DeliveryError(
            .releaseRefused, "\(planned.move.reference) was moved by someone else meanwhile",
            details: ["it stands on \(digest.map { "\($0)" } ?? "nothing")"])
        }
      }
    } catch {
      throw await putBack(touched, after: DeliveryError(error, host: nil))
    }
  }

  /// Puts back what was moved, and says what stands.
  private func putBack(_ touched: [PlannedMove], after cause: DeliveryError) async -> DeliveryError {
    var failure = cause
    var left: [String] = []
    for planned in touched.reversed() {
      switch await putBack(planned) {
      case .old: continue
      case .new: left.append("\(planned.move.reference) stands on \(planned.target.digest), and could not be put back")
      case .other(let digest):
        left.append(
          "\(planned.move.reference) stands on \(digest.map { "\($0)" } ?? "nothing"), as someone else left it")
      case .unknown:
        left.append(
          "\(planned.move.reference) stands on \(planned.standing.map { "\($0.digest)" } ?? "nothing") or on "
            + "\(planned.target.digest): the registry could not be asked")
      }
    }
    failure.leftBehind = left.isEmpty ? DeliveryError.allPutBack : left.joined(separator: "\n")
    failure.next.append(
      left.isEmpty ? "run the same command again" : "run the same command again: it ends on one or the other")
    return failure
  }

  private func putBack(_ planned: PlannedMove) async -> Standing {
    let access = planned.repository.registry
    let repository = planned.repository.repository
    do {
      let now = try await access.manifest(repository, .tag(Tag(planned.channel)))?.digest
      if now == planned.standing?.digest { return .old }
      guard now == planned.target.digest else { return .other(now) }
      if let standing = planned.standing {
        try await access.put(standing, repository, tag: planned.channel)
      } else {
        guard try await access.remove(repository, tag: planned.channel) else { return .new }
      }
      if let from = planned.move.from {
        var undone = planned.move
        (undone.direction, undone.from, undone.to) = (.undone, planned.move.to, from)
        context.emit(.moved(undone))
      }
      return .old
    } catch {
      return .unknown
    }
  }

  /// Notes every move in its channel's history.
  private func noteAll() async throws -> [ChannelMove] {
    var noted: [ChannelMove] = []
    for planned in moves {
      var move = planned.move
      do {
        let channel = try await planned.repository.channel(planned.channel)
        guard channel.current?.digest == planned.target.digest else {
          throw DeliveryError(
            .releaseRefused, "\(move.reference) was moved by someone else meanwhile",
            details: ["it stands on \(channel.current.map { "\($0.digest)" } ?? "nothing")"])
        }
        move.history =
          channel.history.isNoted
          ? channel.historyTags[planned.target.digest] : try await note(planned.target, planned, after: channel)
      } catch {
        var failure = DeliveryError(error, host: nil)
        failure.leftBehind = "the channels were moved, and the history of \(move.reference) does not say so yet"
        failure.next.append("run the same command again: it notes the move")
        throw failure
      }
      noted.append(move)
    }
    return noted
  }

  /// Writes a manifest under the next free tag of the history.
  private func note(
    _ manifest: Manifest, _ planned: PlannedMove, after channel: ReleaseRepository.Channel
  ) async throws -> String {
    let numbers = channel.tags.compactMap { ChannelHistory.number(of: $0, in: channel.name) }
    let access = planned.repository.registry
    let first = (numbers.max() ?? 0) + 1
    for number in first..<(first + 16) {
      let tag = ChannelHistory.tag(channel.name, number)
      // Without a lease someone else may have taken it by now.
      guard try await access.manifest(planned.repository.repository, .tag(Tag(tag))) == nil else { continue }
      try await access.put(manifest, planned.repository.repository, tag: tag)
      return tag
    }
    throw DeliveryError(.releaseRefused, "someone else writes the history of \(planned.move.reference) all the time")
  }
}

extension DeliveryError {
  static let nothingMoved = "nothing was moved"
  static let allPutBack = "every channel is where it was"

  /// Whether what was begun was taken back.
  var isUndone: Bool { leftBehind == Self.nothingMoved || leftBehind == Self.allPutBack }

  func leaving(_ left: String) -> DeliveryError {
    var failure = self
    failure.leftBehind = failure.leftBehind ?? left
    return failure
  }
}
