// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Vocabulary

/// A channel's move for people: the plan, with both digests in full, and what became of it.
struct MoveReport: Sendable {
  private let move: ChannelMove
  private let style: Style

  init(_ move: ChannelMove, _ style: Style) {
    self.move = move
    self.style = style
  }

  var plan: [String] {
    let channel = "\(move.image) \(move.channel)"
    let text =
      switch (move.direction, move.from) {
      case (.noted, _): "\(channel) stands on \(name(move.to)) already"
      case (_, nil): "\(channel) → \(name(move.to)): a new channel"
      case (.back, let from?): "\(channel) \(name(from)) → \(name(move.to)), back"
      case (_, let from?): "\(channel) \(name(from)) → \(name(move.to))"
      }
    var lines = [Label.plan.line(style.plain(text), style)]
    if move.direction != .noted, let from = move.from { lines.append(Label.from.line("\(from.digest)", style)) }
    lines.append(Label.to.line("\(move.to.digest)", style))
    if !move.isBuiltHere { lines.append(blank("it is whole, and was not built by remote-build")) }
    for skipped in move.skipped {
      lines.append(blank("passed over, since broken: \(skipped.tag ?? "sha256:\(skipped.digest.short)…")"))
      lines += skipped.problems.prefix(3).map { Label.blank + style(.dim, "│ ") + style.foreign($0) }
    }
    for dependent in move.dependents {
      let end = dependent.isMoved ? ", rolled back too" : "; --dependents rolls it back too"
      lines.append(blank("built on what is left: \(dependent.image) \(name(dependent.place))\(end)"))
    }
    return lines
  }

  var result: [String] {
    let place = "\(move.image) \(move.channel) on \(name(move.to))"
    guard move.direction != .undone else {
      return [Label.undone.line(style.plain("\(place) again  sha256:\(move.to.digest.short)…"), style)]
    }
    let history = move.history.map { ", \($0)" } ?? ""
    return [Label.moved.line(style.plain("\(place)  sha256:\(move.to.digest.short)…  read back\(history)"), style)]
  }

  private func blank(_ text: String) -> String { Label.blank + style.plain(text) }

  private func name(_ place: ChannelMove.Place) -> String { place.tag ?? "sha256:\(place.digest.short)…" }
}
