// SPDX-License-Identifier: Apache-2.0

internal import Delivery

/// Which host did what: a row a host, in the order in which they were named.
struct HostTable: Sendable {
  var results: [HostResult]

  init(_ results: [HostResult]) { self.results = results }

  func lines(_ style: Style) -> [String] {
    let rows = results.map { result in
      (
        host: style.plain(result.host), part: result.part.rawValue,
        time: result.part == .skipped ? "" : ElapsedTime(result.seconds).description,
        summary: style.plain(result.summary), isFailed: result.part == .failed
      )
    }
    let hosts = rows.map { TextWidth.columns($0.host) }.max() ?? 0
    let parts = rows.map { $0.part.count }.max() ?? 0
    let times = rows.map { $0.time.count }.max() ?? 0
    return rows.enumerated().map { index, row in
      let part = TextWidth.padded(row.isFailed ? style(.red, row.part) : row.part, to: parts)
      let time = String(repeating: " ", count: times - row.time.count) + row.time
      let text = "\(TextWidth.padded(row.host, to: hosts))  \(part)  \(time)  \(row.summary)"
      return index == 0 ? Label.hosts.line(text, style) : Label.blank + text
    }
  }
}
