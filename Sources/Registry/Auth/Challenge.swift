// SPDX-License-Identifier: Apache-2.0

/// One challenge of a `WWW-Authenticate` header.
struct Challenge: Hashable, Sendable {
  /// Lower case: `basic`, `bearer`.
  var scheme: String
  /// Names in lower case; the first of a name counts.
  var parameters: [String: String]

  init(scheme: String, parameters: [String: String] = [:]) {
    self.scheme = scheme
    self.parameters = parameters
  }

  /// All challenges of all headers of that name, in their order.
  ///
  /// RFC 9110, section 11.6.1: one header may hold several challenges, and the comma between two of them is the comma
  /// between two parameters too; what tells them apart is whether an equals sign follows the word. What makes no sense is
  /// passed over: a challenge that is understood should not be lost to its neighbour.
  static func parse(_ headers: [String]) -> [Challenge] { headers.flatMap(parse(header:)) }

  private static func parse(header: String) -> [Challenge] {
    var scanner = ChallengeScanner(header)
    var challenges: [Challenge] = []
    while !scanner.isAtEnd {
      scanner.skipSeparators()
      guard let word = scanner.token() else {
        scanner.skipToComma()
        continue
      }
      let hadSpace = scanner.skipSpaces()
      if scanner.take("="), !challenges.isEmpty {
        scanner.skipSpaces()
        // `scheme abc==` is token68, which neither Basic nor Bearer uses: its second sign gives no value.
        guard let value = scanner.value() else {
          scanner.skipToComma()
          continue
        }
        let name = word.lowercased()
        let last = challenges.count - 1
        if challenges[last].parameters[name] == nil { challenges[last].parameters[name] = value }
      } else if hadSpace || scanner.isAtSeparator {
        challenges.append(Challenge(scheme: word.lowercased()))
      } else {
        scanner.skipToComma()
      }
    }
    return challenges
  }
}

/// Walks over a challenge's characters.
struct ChallengeScanner {
  private let bytes: [UInt8]
  private var index = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  var isAtEnd: Bool { index >= bytes.count }
  var isAtSeparator: Bool { isAtEnd || bytes[index] == UInt8(ascii: ",") }

  @discardableResult
  mutating func skipSpaces() -> Bool {
    let start = index
    while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
    return index > start
  }

  mutating func skipSeparators() {
    while index < bytes.count, [0x20, 0x09, UInt8(ascii: ",")].contains(bytes[index]) { index += 1 }
  }

  mutating func skipToComma() {
    while index < bytes.count, bytes[index] != UInt8(ascii: ",") {
      if bytes[index] == UInt8(ascii: "\"") { _ = value() } else { index += 1 }
    }
  }

  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  mutating func token() -> String? {
    let start = index
    while index < bytes.count, Self.isTokenCharacter(bytes[index]) { index += 1 }
    return index > start ? String(decoding: bytes[start..<index], as: UTF8.self) : nil
  }

  /// A token or a quoted string; an unclosed quote runs to the end. An unquoted value may hold what only a quoted one
  /// should (`realm=https://…/token`), as some servers write it.
  mutating func value() -> String? {
    guard take("\"") else {
      let start = index
      while index < bytes.count, ![0x20, 0x09, UInt8(ascii: ","), UInt8(ascii: "\"")].contains(bytes[index]) {
        index += 1
      }
      let text = bytes[start..<index]
      return text.isEmpty || text.allSatisfy { $0 == UInt8(ascii: "=") } ? nil : String(decoding: text, as: UTF8.self)
    }
    var text: [UInt8] = []
    while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
      if bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count { index += 1 }
      text.append(bytes[index])
      index += 1
    }
    index += 1
    return String(decoding: text, as: UTF8.self)
  }

  private static func isTokenCharacter(_ byte: UInt8) -> Bool {
    byte.isLetterOrDigit || "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }
}
