// SPDX-License-Identifier: Apache-2.0

/// The words of Dockerfiles: where they end, and what stands in them once quotes and escapes are taken away.
enum ShellWord {
  /// Whether `text` can name a variable.
  static func isName(_ text: some StringProtocol) -> Bool {
    guard let first = text.unicodeScalars.first, isNameStart(first) else { return false }
    return text.unicodeScalars.allSatisfy(isNamePart)
  }

  static func isNameStart(_ scalar: Unicode.Scalar) -> Bool {
    ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
  }

  static func isNamePart(_ scalar: Unicode.Scalar) -> Bool { isNameStart(scalar) || ("0"..."9").contains(scalar) }

  static func trimmed(_ text: some StringProtocol) -> Substring {
    var scalars = Substring(text).unicodeScalars
    while let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
    while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
    return Substring(scalars)
  }

  /// What stands before the first blank.
  static func firstWord(_ text: some StringProtocol) -> Substring {
    Substring(Substring(text).unicodeScalars.prefix { !$0.properties.isWhitespace })
  }

  /// The words of `text`, their quotes kept: a blank ends a word only outside of quotes and where it is not escaped.
  static func rawWords(_ text: Substring, escape: Unicode.Scalar, limit: Int = .max) -> [Substring] {
    let scalars = text.unicodeScalars
    var words: [Substring] = []
    var start: Substring.Index?
    var state = QuoteState(escape: escape)
    for index in scalars.indices where words.count < limit {
      let isBlank = scalars[index].properties.isWhitespace && !state.isProtecting
      state.pass(scalars[index])
      if isBlank, let from = start {
        words.append(text[from..<index])
        start = nil
      } else if !isBlank, start == nil {
        start = index
      }
    }
    if let start, words.count < limit { words.append(text[start...]) }
    return words
  }

  /// Whether every quote that is opened is closed.
  static func isClosed(_ text: Substring, escape: Unicode.Scalar) -> Bool {
    var state = QuoteState(escape: escape)
    for scalar in text.unicodeScalars { state.pass(scalar) }
    return state.quote == nil
  }

  /// A word without its quotes and escapes; variables stay as they are written.
  static func unquoted(_ word: Substring, escape: Unicode.Scalar) -> String {
    var result = String.UnicodeScalarView()
    var state = QuoteState(escape: escape)
    for scalar in word.unicodeScalars {
      let (quote, wasEscaped) = (state.quote, state.isEscaped)
      state.pass(scalar)
      if state.isEscaped || (!wasEscaped && state.quote != quote) { continue }
      // In double quotes an escape character is itself before all but these.
      if wasEscaped, quote == "\"", scalar != "\"", scalar != "$", scalar != escape { result.append(escape) }
      result.append(scalar)
    }
    return String(result)
  }

  /// Where in quotes and escapes a reader stands.
  struct QuoteState {
    let escape: Unicode.Scalar
    private(set) var quote: Unicode.Scalar?
    private(set) var isEscaped = false

    init(escape: Unicode.Scalar) { self.escape = escape }

    /// Whether the next character is only itself.
    var isProtecting: Bool { quote != nil || isEscaped }

    mutating func pass(_ scalar: Unicode.Scalar) {
      if isEscaped {
        isEscaped = false
      } else if scalar == escape && quote != "'" {
        isEscaped = true
      } else if let open = quote {
        if scalar == open { quote = nil }
      } else if scalar == "'" || scalar == "\"" {
        quote = scalar
      }
    }
  }
}
