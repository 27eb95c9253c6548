// SPDX-License-Identifier: Apache-2.0

internal import Delivery

/// What `prune` removes of one kind, for people.
struct PruneLine: Sendable {
  let row: PruneRow

  init(_ row: PruneRow) { self.row = row }

  private static let kinds = PruneRow.Kind.allCases.map { $0.rawValue.count }.max() ?? 0

  /// - Parameter columns: of the terminal; `nil` where a line may be as long as it is.
  func text(_ style: Style, columns: Int?) -> String {
    let verb = row.isDone ? style(.green, "freed     ") : style(.yellow, "would free")
    let place = style.plain(row.host ?? "this machine")
    let kind = TextWidth.padded(row.kind.rawValue, to: Self.kinds)
    var text = "\(verb)  \(place)  \(kind)  "
    let most = row.kind == .images ? "up to " : ""
    text += row.count > 0 ? "\(Count(row.count)), \(most)\(row.size)" : "nothing"
    if let note = row.note { text += "  " + style(.yellow, style.plain(note)) }
    let names = row.names.prefix(3).joined(separator: ", ") + (row.count > 3 ? ", …" : "")
    if !names.isEmpty { text += "  " + style(.dim, style.plain(names)) }
    return columns.map { TextWidth.truncated(text, to: $0) } ?? text
  }
}
