// SPDX-License-Identifier: Apache-2.0

internal import Delivery

/// A failure for people: what happened and where, the facts that belong to it, what was left behind, what to type next.
struct FailureReport: Sendable {
  var failure: DeliveryError

  /// - Parameter host: where it happened, if the failure does not say it.
  init(_ failure: DeliveryError, host: String? = nil) {
    self.failure = failure
    self.failure.host = failure.host ?? host
  }

  func lines(_ style: Style) -> [String] {
    let place = failure.host.map { style.plain($0) + ": " } ?? ""
    let what = Self.lines(failure.what)
    var lines = [Label.error.line(place + style.plain(what.first ?? "failed"), style)]
    lines += what.dropFirst().map { Label.blank + style.plain($0) }
    lines += failure.details.flatMap(Self.lines).map { Label.blank + style(.dim, "│ ") + style.foreign($0) }
    if let left = failure.leftBehind { lines += Self.block(.left, Self.lines(left), style) }
    lines += Self.block(.next, failure.next.flatMap(Self.lines), style)
    return lines
  }

  private static func block(_ label: Label, _ texts: [String], _ style: Style) -> [String] {
    texts.enumerated().map { index, text in
      index == 0 ? label.line(style.plain(text), style) : Label.blank + style.plain(text)
    }
  }

  private static func lines(_ text: String) -> [String] {
    text.split(whereSeparator: { $0 == "\n" || $0 == "\r\n" }).map(String.init)
  }
}
