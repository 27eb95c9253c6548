// SPDX-License-Identifier: Apache-2.0

/// How text is made up for people: its colours, and the home directory as `~`.
struct Style: Sendable {
  var colours: Bool
  var home: String?

  init(colours: Bool = false, home: String? = nil) {
    self.colours = colours
    self.home = home
  }

  enum Ink: String, Sendable {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case blue = "34"
  }

  /// `text` in `ink`, or as it is where there are no colours.
  func callAsFunction(_ ink: Ink, _ text: String) -> String {
    colours && !text.isEmpty ? "\u{1b}[\(ink.rawValue)m\(text)\u{1b}[0m" : text
  }

  /// Text of foreign origin, safe to show, with its own colours where colours are shown at all.
  func foreign(_ text: String) -> String { PrintableText(text, keepsColours: colours).text }

  /// Text of our own wording, which may hold foreign words: safe to show, without colours, and with `~` for the home
  /// directory wherever a path begins with it.
  func plain(_ text: String) -> String {
    let safe = PrintableText(text, keepsColours: false).text
    guard let home, home != "/", safe.contains(home) else { return safe }
    var result = ""
    var rest = safe[...]
    while let range = rest.firstRange(of: home) {
      let begins = range.lowerBound == safe.startIndex || " '\"(=:".contains(safe[safe.index(before: range.lowerBound)])
      let ends = range.upperBound == safe.endIndex || "/ '\"),:;".contains(safe[range.upperBound])
      result += rest[..<range.lowerBound] + (begins && ends ? "~" : home)
      rest = rest[range.upperBound...]
    }
    return result + rest
  }
}
