// SPDX-License-Identifier: Apache-2.0

/// A pattern of `*` and `?`, as in `${VERSION%.*}`; a backslash makes the next character itself.
struct ShellPattern {
  private enum Part: Equatable {
    case any, one
    case scalar(Unicode.Scalar)
  }

  private let parts: [Part]

  init(_ text: String) {
    var parts: [Part] = []
    var isEscaped = false
    for scalar in text.unicodeScalars {
      switch scalar {
      case _ where isEscaped:
        parts.append(.scalar(scalar))
        isEscaped = false
      case "\\": isEscaped = true
      case "*": parts.append(.any)
      case "?": parts.append(.one)
      default: parts.append(.scalar(scalar))
      }
    }
    self.parts = parts
  }

  /// `text` without the shortest or longest beginning that matches.
  func droppingPrefix(of text: String, longest: Bool) -> String {
    let scalars = Array(text.unicodeScalars)
    let ends = Array(0...scalars.count)
    let match = (longest ? ends.reversed() : ends).first { matches(scalars[..<$0]) }
    return Self.string(scalars[(match ?? 0)...])
  }

  /// `text` without the shortest or longest end that matches.
  func droppingSuffix(of text: String, longest: Bool) -> String {
    let scalars = Array(text.unicodeScalars)
    let starts = Array(0...scalars.count)
    let match = (longest ? starts : starts.reversed()).first { matches(scalars[$0...]) }
    return Self.string(scalars[..<(match ?? scalars.count)])
  }

  /// `text` with its first match, or all of them, replaced; each as long as can be, none of them empty.
  func replacing(in text: String, with replacement: String, all: Bool) -> String {
    let scalars = Array(text.unicodeScalars)
    var result = ""
    var start = 0
    while start < scalars.count {
      let end = ((start + 1)...scalars.count).reversed().first { matches(scalars[start..<$0]) }
      guard let end else {
        result.unicodeScalars.append(scalars[start])
        start += 1
        continue
      }
      result += replacement
      start = end
      if !all { break }
    }
    return result + Self.string(scalars[start...])
  }

  /// Whether the whole of `text` matches: one row of the table of part against character at a time.
  private func matches(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
    var reached = [true] + Array(repeating: false, count: text.count)
    for part in parts {
      var row = Array(repeating: false, count: reached.count)
      row[0] = part == .any && reached[0]
      for (offset, scalar) in text.enumerated() {
        row[offset + 1] =
          switch part {
          case .any: reached[offset + 1] || row[offset]
          case .one: reached[offset]
          case .scalar(let expected): reached[offset] && expected == scalar
          }
      }
      reached = row
    }
    return reached[text.count]
  }

  private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }
}
