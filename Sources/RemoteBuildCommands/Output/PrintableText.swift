// SPDX-License-Identifier: Apache-2.0

/// A line of foreign text made safe for a terminal: it cannot move the cursor, set a title, ring, hide, reorder or colour
/// what stands around it. What was taken from it stays visible, as `^[` or `\u{202e}`.
struct PrintableText: Sendable {
  /// The safe line. It holds no control sequence but colours, and ends with none of them in force.
  let text: String

  /// - Parameter keepsColours: whether colours are kept; they are removed otherwise.
  init(_ raw: String, keepsColours: Bool) {
    var writer = Writer(keepsColours: keepsColours)
    let scalars = Self.lastState(Array(raw.unicodeScalars))
    var index = scalars.startIndex
    while index < scalars.endIndex {
      if scalars[index] == "\u{1b}", let colour = ColourSequence(scalars[index...]) {
        writer.colour(colour)
        index += colour.length
      } else {
        writer.scalar(scalars[index])
        index += 1
      }
    }
    text = writer.finish()
  }

  /// A progress bar writes over itself from a carriage return on: what stands after the last one is what was to be seen.
  private static func lastState(_ scalars: [Unicode.Scalar]) -> ArraySlice<Unicode.Scalar> {
    let end = scalars.lastIndex { $0 != "\r" && $0 != "\n" } ?? -1
    let line = scalars[...end]
    guard let start = line.lastIndex(of: "\r") else { return line }
    let state = line[(start + 1)...]
    // Bars begin with clearing the line, which is done by now.
    for clearing in ["\u{1b}[K", "\u{1b}[0K", "\u{1b}[2K"] where state.starts(with: clearing.unicodeScalars) {
      return state.dropFirst(clearing.unicodeScalars.count)
    }
    return state
  }

  /// Characters that show nothing by themselves, or that change how their neighbours are shown.
  private static func isTreacherous(_ value: UInt32) -> Bool {
    switch value {
    case 0x7f...0x9f, 0xad, 0x61c, 0x115f, 0x1160, 0x180e, 0x200b, 0x200e, 0x200f, 0x2028...0x202e, 0x2060...0x206f,
      0x3164,
      0xfeff, 0xfff9...0xfffb, 0xe0000...0xe0fff:
      true
    default: false
    }
  }

  /// `scalar` in visible form: `^[` for a control character of ASCII, `\u{9b}` for others.
  static func escaped(_ scalar: Unicode.Scalar) -> String {
    if scalar.value < 0x20 || scalar.value == 0x7f { return "^" + String(Unicode.Scalar(UInt8(scalar.value ^ 0x40))) }
    return "\\u{" + String(scalar.value, radix: 16) + "}"
  }

  static func isSafe(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= 0x20 && !isTreacherous(scalar.value) }

  private struct Writer {
    let keepsColours: Bool
    private var text = ""
    private var column = 0
    private var isColoured = false

    init(keepsColours: Bool) { self.keepsColours = keepsColours }

    mutating func scalar(_ scalar: Unicode.Scalar) {
      if scalar == "\t" {
        let spaces = 8 - column % 8
        text += String(repeating: " ", count: spaces)
        column += spaces
      } else if PrintableText.isSafe(scalar) {
        text.unicodeScalars.append(scalar)
        column += scalar.columns
      } else {
        let escape = PrintableText.escaped(scalar)
        text += escape
        column += escape.unicodeScalars.count
      }
    }

    mutating func colour(_ sequence: ColourSequence) {
      guard keepsColours else { return }
      text += sequence.text
      isColoured = !sequence.isReset
    }

    mutating func finish() -> String {
      if isColoured { text += "\u{1b}[0m" }
      return text
    }
  }
}
