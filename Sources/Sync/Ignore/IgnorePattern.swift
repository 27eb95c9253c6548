// SPDX-License-Identifier: Apache-2.0

/// One pattern of an ignore file, compiled.
///
/// moby turns a pattern into a regular expression unless it is a plain path, a prefix (`dir/**`) or a suffix (`**/x`),
/// and what that expression matches is what counts, also where it is not what one would guess. The steps here are the
/// pieces such an expression is made of.
struct IgnorePattern: Sendable {
  private enum Step: Hashable, Sendable {
    case scalar(UInt32)
    /// `[^/]`
    case any
    /// `[^/]*`
    case star
    /// `(.*/)?`
    case directories
    /// `.*`
    case rest
    /// `^`, which matches at the start alone.
    case start
    case brackets([ClosedRange<UInt32>], negated: Bool)
  }

  private enum Form: Sendable {
    case exact
    case prefix([UInt8])
    case suffix([UInt8])
    case steps([Step])
  }

  /// The pattern without `!`.
  let text: [UInt8]
  let isException: Bool
  private let form: Form

  /// Throws ``SyncError`` with `badPattern`.
  init(_ pattern: [UInt8]) throws {
    isException = pattern.first == UInt8(ascii: "!")
    text = isException ? Array(pattern[1...]) : pattern
    guard !text.isEmpty else { throw Self.bad(pattern, "an exception without a pattern") }
    form = try Self.compile(text)
  }

  private static func bad(_ pattern: [UInt8], _ why: String) -> SyncError {
    SyncError(.badPattern, "the ignore pattern '\(TreePath.text(pattern))' is not valid: \(why)")
  }

  /// Whether the characters that mean something in a pattern stand in it, a trailing `**` or `/**` or `/*` aside.
  var hasWildcards: Bool { withoutTrailingGlob.contains { Array("*[]?^\\".utf8).contains($0) } }

  var withoutTrailingGlob: [UInt8] {
    var rest = text[...]
    for tail in ["/**", "/*"] where rest.count >= tail.utf8.count {
      if rest.suffix(tail.utf8.count).elementsEqual(tail.utf8) { rest = rest.dropLast(tail.utf8.count) }
    }
    return Array(rest)
  }

  /// How many names the pattern is made of.
  var depth: Int { text.count { $0 == TreePath.slash } + 1 }

  func matches(_ path: [UInt8]) -> Bool {
    switch form {
    case .exact: path == text
    case .prefix(let prefix): path.starts(with: prefix)
    case .suffix(let suffix):
      path.count >= suffix.count && path.suffix(suffix.count).elementsEqual(suffix)
        || suffix.first == TreePath.slash && path.elementsEqual(suffix[1...])
    case .steps(let steps): Self.match(steps, Self.scalars(path))
    }
  }

  /// A byte that is no UTF-8 counts as one replacement character.
  private static func scalars(_ bytes: [UInt8]) -> [UInt32] {
    if bytes.allSatisfy({ $0 < 0x80 }) { return bytes.map(UInt32.init) }
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var scalars: [UInt32] = []
    while true {
      switch decoder.decode(&iterator) {
      case .scalarValue(let scalar): scalars.append(scalar.value)
      case .emptyInput: return scalars
      case .error: scalars.append(0xfffd)
      }
    }
  }

  private static func match(_ steps: [Step], _ path: [UInt32]) -> Bool {
    // All places that the steps so far can have come to: linear in the path, whatever the pattern.
    let slash = UInt32(TreePath.slash)
    let newline = UInt32(UInt8(ascii: "\n"))
    var places = [Bool](repeating: false, count: path.count + 1)
    places[0] = true
    for step in steps {
      var next = [Bool](repeating: false, count: path.count + 1)
      switch step {
      case .scalar(let scalar):
        for index in path.indices where places[index] && path[index] == scalar { next[index + 1] = true }
      case .any:
        for index in path.indices where places[index] && path[index] != slash { next[index + 1] = true }
      case .brackets(let ranges, let negated):
        for index in path.indices where places[index] && ranges.contains(where: { $0.contains(path[index]) }) != negated
        {
          next[index + 1] = true
        }
      case .star, .rest:
        let stop = step == .star ? slash : newline
        for index in 0...path.count {
          next[index] = places[index] || index > 0 && next[index - 1] && path[index - 1] != stop
        }
      case .directories:
        var reached = false
        next = places
        for index in 0..<path.count {
          if places[index] { reached = true }
          if path[index] == newline { reached = false }
          if reached && path[index] == slash { next[index + 1] = true }
        }
      case .start: next[0] = places[0]
      }
      places = next
    }
    return places[path.count]
  }

  private static func compile(_ text: [UInt8]) throws -> Form {
    let scalars = scalars(text)
    var steps: [Step] = []
    var form = Form.exact
    var isPlain: Bool {
      if case .exact = form { return true }
      return false
    }
    var isSpecial = false
    var index = 0
    var first = true
    func at(_ offset: Int, _ character: Unicode.Scalar) -> Bool {
      index + offset < scalars.count && scalars[index + offset] == character.value
    }
    while index < scalars.count {
      defer { first = false }
      if at(0, "*") && at(1, "*") {
        index += at(2, "/") ? 3 : 2
        if index == scalars.count {
          if !isSpecial && isPlain {
            form = .prefix(Array(text.dropLast(2)))
          } else {
            steps.append(.rest)
            isSpecial = true
          }
        } else {
          steps.append(.directories)
          isSpecial = true
        }
        if first {
          form = .suffix(Array(text[2...]))
          isSpecial = false
        }
        continue
      }
      switch Unicode.Scalar(scalars[index]) {
      case "*":
        steps.append(.star)
        isSpecial = true
        index += 1
      case "?":
        steps.append(.any)
        isSpecial = true
        index += 1
      case "^":
        steps.append(.start)
        index += 1
      case "\\":
        guard index + 1 < scalars.count else { throw bad(text, "it ends in a backslash") }
        steps.append(.scalar(try escaped(scalars[index + 1], text)))
        isSpecial = true
        index += 2
      case "[":
        steps.append(try brackets(scalars, &index, text))
        isSpecial = true
      case "]":
        steps.append(.scalar(scalars[index]))
        isSpecial = true
        index += 1
      default:
        steps.append(.scalar(scalars[index]))
        index += 1
      }
    }
    return isSpecial ? .steps(steps) : form
  }

  /// moby hands an escaped letter or digit to its regular expressions, where it is a class, an anchor or an error.
  /// None of those can be meant in a path, so they are refused rather than guessed.
  private static func escaped(_ scalar: UInt32, _ text: [UInt8]) throws -> UInt32 {
    guard let character = Unicode.Scalar(scalar), character.isASCII, !character.properties.isAlphabetic,
      character.properties.numericType == nil
    else { throw bad(text, "a backslash before a letter or a digit") }
    return scalar
  }

  /// `[a-z]`, `[^a-z]`, with `\` before a character that would mean something; `index` stands at the bracket.
  private static func brackets(_ scalars: [UInt32], _ index: inout Int, _ text: [UInt8]) throws -> Step {
    func value(_ character: Unicode.Scalar) -> UInt32 { character.value }
    index += 1
    var negated = false
    if index < scalars.count && scalars[index] == value("^") {
      negated = true
      index += 1
    }
    var ranges: [ClosedRange<UInt32>] = []
    func next() throws -> UInt32 {
      guard index < scalars.count, scalars[index] != value("-"), scalars[index] != value("]") else {
        throw bad(text, "brackets that are empty, not closed, or with '-' in an odd place")
      }
      // In a regular expression these would not mean themselves inside brackets.
      guard scalars[index] != value("*"), scalars[index] != value("?"), scalars[index] != value("[") else {
        throw bad(text, "'*', '?' or '[' inside brackets needs a backslash")
      }
      var scalar = scalars[index]
      if scalar == value("\\") {
        index += 1
        guard index < scalars.count else { throw bad(text, "it ends in a backslash") }
        scalar = try escaped(scalars[index], text)
      }
      index += 1
      guard index < scalars.count else { throw bad(text, "brackets that are not closed") }
      return scalar
    }
    while true {
      if index < scalars.count && scalars[index] == value("]") && !ranges.isEmpty {
        index += 1
        return .brackets(ranges, negated: negated)
      }
      let low = try next()
      var high = low
      if scalars[index] == value("-") {
        index += 1
        high = try next()
      }
      guard low <= high else { throw bad(text, "a range from a later to an earlier character") }
      ranges.append(low...high)
    }
  }
}
