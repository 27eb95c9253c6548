// SPDX-License-Identifier: Apache-2.0

internal import Delivery

/// The inventory for people: a line a host in columns, and below it what is wrong or where it comes from.
struct InventoryTable: Sendable {
  let rows: [HostRow]

  init(_ rows: [HostRow]) { self.rows = rows }

  private static let titles = ["HOST", "ADDRESS", "STATE", "PLATFORM", "BUILDER", "JOBS", "FREE"]

  private static let address = 1
  private static let state = 2

  /// - Parameter columns: of the terminal; `nil` where a line may be as long as it is. Where there is no room for it, the
  ///   address stands below.
  func lines(_ style: Style, columns: Int?) -> [String] {
    let cells = rows.map { self.cells(of: $0, style) }
    let widths = Self.titles.indices.map { index in
      ([Self.titles[index]] + cells.map { $0[index] }).map(TextWidth.columns).max() ?? 0
    }
    let whole = widths.reduce(0) { $0 + $1 + 2 } - 2
    let isNarrow = columns.map { $0 < whole } ?? false
    func line(_ cells: [String], _ ink: (Int, String) -> String) -> String {
      let padded = cells.indices.filter { !isNarrow || $0 != Self.address }.map { index in
        index == cells.count - 1
          ? ink(index, cells[index]) : TextWidth.padded(ink(index, cells[index]), to: widths[index])
      }
      let text = padded.joined(separator: "  ")
      return columns.map { TextWidth.truncated(text, to: $0) } ?? text
    }
    var lines = [style(.bold, line(Self.titles) { $1 })]
    for (row, cells) in zip(rows, cells) {
      lines.append(line(cells) { index, cell in index == Self.state ? style(Self.ink(of: row.state), cell) : cell })
      let below = [
        row.reason, isNarrow && row.address != row.host ? row.address : nil,
        row.roles.isEmpty ? nil : "roles \(row.roles.joined(separator: ", "))", row.file,
      ].compactMap(\.self).joined(separator: "; ")
      let width = columns.map { max(20, $0 - 2) } ?? .max
      lines += WrappedText(style.plain(below), columns: width).lines.map { "  " + style(.dim, $0) }
    }
    return lines
  }

  private func cells(of row: HostRow, _ style: Style) -> [String] {
    let jobs = row.running.map { running in
      "\(running)/\(row.maxBuilds)" + ((row.queued ?? 0) > 0 ? " +\(row.queued ?? 0)" : "")
    }
    return [
      style.plain(row.host), style.plain(row.address), row.state.rawValue,
      row.platforms.isEmpty ? "-" : row.platforms.map { style.plain("\($0)") }.joined(separator: ","),
      row.builder.map(style.plain) ?? "-", jobs ?? "-", row.free.map { "\($0)" } ?? "-",
    ]
  }

  private static func ink(of state: HostRow.State) -> Style.Ink {
    switch state {
    case .ready: .green
    case .noBuilder: .yellow
    case .unreachable: .red
    }
  }
}
