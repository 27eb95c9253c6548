// SPDX-License-Identifier: Apache-2.0

/// Puts the values of variables into a word, as BuildKit does for `FROM` and for the defaults of `ARG`: `$NAME`,
/// `${NAME}`, `${NAME:-word}`, `:+`, `:?` and the same without the colon, and the patterns `#`, `##`, `%`, `%%`, `/` and
/// `//`. Quotes and escapes are taken away. What is not set is empty.
struct ShellExpansion {
  private let scalars: [Unicode.Scalar]
  private var position = 0
  private let escape: Unicode.Scalar
  private let variables: [String: String]

  /// What is wrong with a word; the caller knows its line.
  struct Failure: Error {
    var message: String
  }

  static func expand(
    _ word: String, escape: Unicode.Scalar, variables: [String: String]
  ) throws(Failure) -> String {
    var expansion = ShellExpansion(word, escape: escape, variables: variables)
    return try expansion.text(until: nil)
  }

  private init(_ word: String, escape: Unicode.Scalar, variables: [String: String]) {
    scalars = Array(word.unicodeScalars)
    self.escape = escape
    self.variables = variables
  }

  private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  private mutating func text(until end: Unicode.Scalar?) throws(Failure) -> String {
    var result = ""
    while let scalar = next, scalar != end {
      position += 1
      switch scalar {
      case "'": result += try singleQuoted()
      case "\"": result += try doubleQuoted()
      case "$": result += try variable()
      case escape:
        if let escaped = next {
          position += 1
          result.unicodeScalars.append(escaped)
        }
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private mutating func singleQuoted() throws(Failure) -> String {
    guard let end = scalars[position...].firstIndex(of: "'") else { throw Failure(message: "a ' is not closed") }
    defer { position = end + 1 }
    return Self.string(scalars[position..<end])
  }

  private mutating func doubleQuoted() throws(Failure) -> String {
    var result = ""
    while let scalar = next {
      position += 1
      switch scalar {
      case "\"": return result
      case "$": result += try variable()
      case escape:
        if let escaped = next, ["\"", "$", escape].contains(escaped) {
          position += 1
          result.unicodeScalars.append(escaped)
        } else {
          result.unicodeScalars.append(scalar)
        }
      default: result.unicodeScalars.append(scalar)
      }
    }
    throw Failure(message: "a \" is not closed")
  }

  /// What follows a `$`.
  private mutating func variable() throws(Failure) -> String {
    guard next == "{" else {
      let name = name()
      return name.isEmpty ? "$" : variables[name] ?? ""
    }
    position += 1
    let name = name()
    guard !name.isEmpty else { throw Failure(message: "'${' is not followed by a variable's name") }
    let value = variables[name]
    guard var modifier = next else { throw Failure(message: "'${\(name)' is not closed") }
    position += 1
    if modifier == "}" { return value ?? "" }
    let asksForText = modifier == ":"
    if asksForText {
      guard let operation = next else { throw Failure(message: "'${\(name):' is not closed") }
      modifier = operation
      position += 1
    }
    let isSet = value.map { !asksForText || !$0.isEmpty } ?? false
    switch modifier {
    case "-": return try closing(name).withDefault(value, isSet: isSet)
    case "+": return isSet ? try closing(name) : try closing(name).withDefault("", isSet: true)
    case "?":
      let message = try closing(name)
      guard isSet, let value else { throw Failure(message: "\(name): \(message.isEmpty ? "is not set" : message)") }
      return value
    case "#", "%", "/":
      guard !asksForText else { break }
      return try substitute(modifier, in: value ?? "", name: name)
    default: break
    }
    throw Failure(message: "'\(asksForText ? ":" : "")\(modifier)' after '${\(name)' means nothing")
  }

  private mutating func substitute(
    _ modifier: Unicode.Scalar, in value: String, name: String
  ) throws(Failure) -> String {
    let isDoubled = next == modifier
    if isDoubled { position += 1 }
    guard modifier == "/" else {
      let pattern = ShellPattern(try closing(name))
      return modifier == "#"
        ? pattern.droppingPrefix(of: value, longest: isDoubled) : pattern.droppingSuffix(of: value, longest: isDoubled)
    }
    let pattern = ShellPattern(try text(until: "/"))
    guard next == "/" else { throw Failure(message: "'${\(name)/' needs a second '/'") }
    position += 1
    return pattern.replacing(in: value, with: try closing(name), all: isDoubled)
  }

  /// The text up to the closing brace, expanded.
  private mutating func closing(_ name: String) throws(Failure) -> String {
    let result = try text(until: "}")
    guard next == "}" else { throw Failure(message: "'${\(name)' is not closed") }
    position += 1
    return result
  }

  private mutating func name() -> String {
    let rest = scalars[position...]
    let name = rest.first.map(ShellWord.isNameStart) == true ? rest.prefix(while: ShellWord.isNamePart) : []
    position += name.count
    return Self.string(name)
  }

  private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }
}

extension String {
  /// `value` where it counts as set, else this text.
  fileprivate func withDefault(_ value: String?, isSet: Bool) -> String { isSet ? value ?? "" : self }
}
