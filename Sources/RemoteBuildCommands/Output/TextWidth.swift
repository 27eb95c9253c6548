// SPDX-License-Identifier: Apache-2.0

extension Unicode.Scalar {
  /// How many columns a terminal gives it: 0, 1 or 2, after Unicode's East Asian Width (UAX #11), approximated by blocks.
  var columns: Int {
    if value < 0x300 { return value < 0x20 ? 0 : 1 }
    switch value {
    case 0x200c...0x200d, 0xfe00...0xfe0f: return 0
    case 0x1100...0x115e, 0x231a...0x231b, 0x23e9...0x23ec, 0x25fd...0x25fe, 0x2614...0x2615, 0x26a1, 0x2705, 0x274c,
      0x2753...0x2755, 0x2757, 0x2b1b...0x2b1c, 0x2b50, 0x2e80...0x303e, 0x3041...0x4dbf, 0x4e00...0xa4cf,
      0xa960...0xa97c,
      0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff01...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f,
      0x1f680...0x1f6ff, 0x1f7e0...0x1f7eb, 0x1f900...0x1f9ff, 0x1fa70...0x1faff, 0x20000...0x3fffd:
      return properties.generalCategory == .nonspacingMark ? 0 : 2
    default: break
    }
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return 0
    default: return 1
    }
  }
}

/// Columns and cuts of safe text, whose only control sequences are colours.
enum TextWidth {
  /// How many columns `text` takes.
  static func columns(_ text: String) -> Int {
    var columns = 0
    scan(text) { _, width in
      columns += width
      return true
    }
    return columns
  }

  /// `text`, or as much of its beginning as fits into `limit` columns with a `…` in place of the rest.
  static func truncated(_ text: String, to limit: Int) -> String {
    guard columns(text) > limit else { return text }
    guard limit > 0 else { return "" }
    var result = String.UnicodeScalarView()
    var used = 0
    var isColoured = false
    scan(text) { piece, width in
      guard used + width <= limit - 1 else { return false }
      used += width
      isColoured = isColoured || piece.count > 1
      result.append(contentsOf: piece)
      return true
    }
    return String(result) + "…" + (isColoured ? "\u{1b}[0m" : "")
  }

  /// `text` followed by spaces up to `columns`.
  static func padded(_ text: String, to columns: Int) -> String {
    text + String(repeating: " ", count: max(0, columns - self.columns(text)))
  }

  /// Calls `body` with each character, or each colour as a whole, and its columns, until it returns false.
  private static func scan(_ text: String, _ body: (ArraySlice<Unicode.Scalar>, Int) -> Bool) {
    let scalars = Array(text.unicodeScalars)
    var index = 0
    while index < scalars.count {
      var end = index + 1
      if scalars[index] == "\u{1b}", let colour = ColourSequence(scalars[index...]) { end = index + colour.length }
      guard body(scalars[index..<end], end - index > 1 ? 0 : scalars[index].columns) else { return }
      index = end
    }
  }
}
