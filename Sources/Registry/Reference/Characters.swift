// SPDX-License-Identifier: Apache-2.0

// The classes of characters in the grammars of the distribution specification: ASCII only, so bytes suffice.
extension UInt8 {
  var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
  var isLowercaseLetter: Bool { self >= UInt8(ascii: "a") && self <= UInt8(ascii: "z") }
  var isUppercaseLetter: Bool { self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") }
  var isLetterOrDigit: Bool { isDigit || isLowercaseLetter || isUppercaseLetter }

  var isHexadecimal: Bool {
    isDigit || (self >= UInt8(ascii: "a") && self <= UInt8(ascii: "f"))
      || (self >= UInt8(ascii: "A") && self <= UInt8(ascii: "F"))
  }
}

extension StringProtocol {
  /// The text for a message: control characters escaped, no longer than a line or three.
  var shownSafely: String {
    var shown = ""
    for scalar in unicodeScalars {
      if shown.utf8.count > 300 { return shown + "…" }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
        shown += scalar == "\n" ? " " : "\\u{\(String(scalar.value, radix: 16))}"
      default: shown.unicodeScalars.append(scalar)
      }
    }
    return shown
  }
}
