// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Vocabulary

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// Releases for people: a title an image, a row a release. On a narrow terminal the columns that matter least go.
struct ReleaseTable: Sendable {
  private struct Column: Sendable {
    var title: String
    /// Those with the highest go first.
    var rank: Int
    var isRight = false
    var text: @Sendable (ReleaseRow) -> String
  }

  private let rows: [ReleaseRow]
  private let style: Style
  private let now: Date
  /// The terminal's; `nil` where there is none, and nothing is cut.
  private let width: Int?

  init(_ rows: [ReleaseRow], style: Style, now: Date, width: Int?) {
    self.rows = rows
    self.style = style
    self.now = now
    self.width = width
  }

  var lines: [String] {
    var lines: [String] = []
    var repositories: [String] = []
    for name in rows.map(Self.repository) where !repositories.contains(name) { repositories.append(name) }
    for repository in repositories {
      if !lines.isEmpty { lines.append("") }
      lines.append(style(.bold, cut(style.plain(repository))))
      lines += table(rows.filter { Self.repository($0) == repository })
    }
    return lines
  }

  private func table(_ rows: [ReleaseRow]) -> [String] {
    var columns = self.columns.filter { column in rows.contains { !column.text($0).isEmpty } }
    func widths() -> [Int] {
      columns.map { column in
        ([column.title] + rows.map { style.plain(column.text($0)) }).map(TextWidth.columns).max() ?? 0
      }
    }
    // What is wrong stands last, and is never dropped.
    let ends = rows.map { Self.state($0).count }.max() ?? 0
    while let width, widths().reduce(2, { $0 + $1 + 2 }) + ends > width,
      let last = columns.indices.max(by: { columns[$0].rank < columns[$1].rank }), columns[last].rank > 0
    {
      columns.remove(at: last)
    }
    let found = widths()
    func line(_ texts: [String], _ state: String) -> String {
      let cells = zip(zip(columns, texts), found).map { cell, width in
        let space = String(repeating: " ", count: max(0, width - TextWidth.columns(cell.1)))
        return cell.0.isRight ? space + cell.1 : cell.1 + space
      }
      var end = "  " + (cells + [state]).joined(separator: "  ")
      while end.hasSuffix(" ") { end.removeLast() }
      return cut(end)
    }
    return [style(.dim, line(columns.map(\.title), ""))]
      + rows.flatMap { row -> [String] in
        let text = line(columns.map { style.plain($0.text(row)) }, Self.state(row))
        return [row.isWhole ? text : style(.red, text)]
          + row.problems.prefix(3).map { cut("    " + style.plain($0)) }
      }
  }

  private var columns: [Column] {
    let now = now
    return [
      Column(title: "TAG", rank: 0) { $0.tag },
      Column(title: "CHANNEL", rank: 0) { $0.channels.joined(separator: ",") },
      Column(title: "AGE", rank: 1, isRight: true) { $0.created.map { Age(since: $0, now: now).description } ?? "" },
      Column(title: "DIGEST", rank: 2) { $0.digest?.short ?? "" },
      Column(title: "SIZE", rank: 3, isRight: true) { $0.size?.description ?? "" },
      Column(title: "PLATFORMS", rank: 6) { $0.platforms.map(\.description).joined(separator: ",") },
      Column(title: "BASE", rank: 4) { Self.base($0) },
      Column(title: "COMMIT", rank: 5) { String(($0.revision ?? "").prefix(8)) },
      Column(title: "TREE", rank: 8) { $0.tree?.short ?? "" },
      Column(title: "BY", rank: 7) { $0.by ?? "" },
    ]
  }

  private static func state(_ row: ReleaseRow) -> String {
    row.isWhole ? row.isBuiltHere ? "" : "not built here" : "broken"
  }

  private func cut(_ text: String) -> String { width.map { TextWidth.truncated(text, to: $0) } ?? text }

  private static func repository(_ row: ReleaseRow) -> String { String(row.reference.dropLast(row.tag.count + 1)) }

  /// The base's name and version, without its registry and owner; its digest where it has no version.
  private static func base(_ row: ReleaseRow) -> String {
    guard let base = row.base else { return "" }
    let name = String(base.split(separator: "/").last ?? "").prefix { $0 != "@" }
    return name.contains(":") ? String(name) : name + (row.baseDigest.map { "@\($0.short)" } ?? "")
  }
}

/// How long ago something was: `5 min`, `3 h`, `12 d`, `3 y`.
struct Age: Sendable, CustomStringConvertible {
  let description: String

  init(since time: Date, now: Date) {
    let seconds = now.timeIntervalSince(time)
    description =
      switch seconds {
      case ..<60: "now"
      case ..<3600: "\(Int(seconds / 60)) min"
      case ..<(48 * 3600): "\(Int(seconds / 3600)) h"
      case ..<(730 * 86_400): "\(Int(seconds / 86_400)) d"
      default: "\(Int(min(seconds, 1e12) / (365 * 86_400))) y"
      }
  }
}
