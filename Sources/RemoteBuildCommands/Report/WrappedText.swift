// SPDX-License-Identifier: Apache-2.0

/// Safe text in lines of a width, broken between words. A word that is longer than a line has one of its own.
struct WrappedText: Sendable {
  let lines: [String]

  init(_ text: String, columns: Int) {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ", omittingEmptySubsequences: true) {
      if line.isEmpty {
        line = String(word)
      } else if TextWidth.columns(line) + 1 + TextWidth.columns(String(word)) <= columns {
        line += " " + word
      } else {
        lines.append(line)
        line = String(word)
      }
    }
    self.lines = lines + (line.isEmpty ? [] : [line])
  }
}
