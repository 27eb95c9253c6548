// SPDX-License-Identifier: Apache-2.0

@testable import RemoteBuildCommands

/// As much of a terminal as the live view uses: it shows what a person would see after some bytes. Lines that scrolled
/// off the top are kept. Bytes that it does not know end up in `unknown`, which a test expects to be empty.
struct ScreenEmulator {
  let columns: Int
  private(set) var unknown: [String] = []
  private(set) var cursorIsShown = true
  private var lines: [[Unicode.Scalar]] = [[]]
  private var row = 0
  private var column = 0

  init(columns: Int) { self.columns = columns }

  /// What is seen, without the empty lines at the end.
  var text: String {
    var rows = lines.map { line in
      var text = String(String.UnicodeScalarView(line.filter { $0 != "\0" }))
      while text.last == " " { text.removeLast() }
      return text
    }
    while rows.last == "" { rows.removeLast() }
    return rows.map { $0 + "\n" }.joined()
  }

  mutating func feed(_ bytes: String) {
    var rest = Array(bytes.unicodeScalars)[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\n": newLine()
      case "\r": column = 0
      case "\u{1b}":
        let sequence = rest.prefix { !$0.properties.isAlphabetic }
        rest = rest.dropFirst(sequence.count)
        guard let end = rest.popFirst() else { return unknown.append("unfinished") }
        control(String(String.UnicodeScalarView(sequence)), end)
      default: put(scalar)
      }
    }
  }

  private mutating func newLine() {
    row += 1
    column = 0
    if row == lines.count { lines.append([]) }
  }

  private mutating func put(_ scalar: Unicode.Scalar) {
    let width = scalar.columns
    if scalar.value < 0x20 { return unknown.append("\(scalar.value)") }
    if column + width > columns { newLine() }
    while lines[row].count < column + width { lines[row].append(" ") }
    lines[row][column] = scalar
    // The second half of a wide character.
    if width == 2 { lines[row][column + 1] = "\0" }
    column += width
  }

  private mutating func control(_ parameters: String, _ end: Unicode.Scalar) {
    switch (parameters, end) {
    case ("[", "J"):
      lines = Array(lines[...row])
      lines[row] = Array(lines[row].prefix(column))
    case ("[", "K"): lines[row] = Array(lines[row].prefix(column))
    case ("[?25", "h"): cursorIsShown = true
    case ("[?25", "l"): cursorIsShown = false
    case (_, "m"): break
    case (_, "A"): row -= Int(parameters.dropFirst()) ?? 1
    default: unknown.append(parameters + String(end))
    }
  }
}
