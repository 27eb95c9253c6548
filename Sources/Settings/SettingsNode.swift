// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// A value in a file of configuration: a scalar, a list or a mapping, with its place.
///
/// The reading methods throw a ``SettingsError`` with line and column when the value is of another kind. Optional
/// values read as `try mapping["version"]?.string()`.
public struct SettingsNode: Sendable {
  enum Value: Sendable {
    case scalar(String, ScalarType)
    case list([SettingsNode])
    case mapping([(key: SettingsNode, value: SettingsNode)])
  }

  enum ScalarType: Sendable {
    case string, number, bool, null
  }

  public let file: String
  public let line: Int
  public let column: Int
  let value: Value

  /// An error at this value's place.
  public func error(_ message: String) -> SettingsError {
    SettingsError(file: file, line: line, column: column, message: message)
  }

  /// Whether nothing stands after the key, or `null` or `~`.
  public var isNull: Bool { if case .scalar(_, .null) = value { true } else { false } }

  public var isMapping: Bool { if case .mapping = value { true } else { false } }

  public var isList: Bool { if case .list = value { true } else { false } }

  /// A text, or a number exactly as it is written (`1.10` stays `1.10`). A bare `true`, `no` or `null` is refused,
  /// since YAML means something else by them: it must stand in quotes.
  public func string() throws(SettingsError) -> String {
    switch value {
    case .scalar(let text, .string), .scalar(let text, .number): return text
    case .scalar(let text, .bool): throw error("expected a text; to mean the word, write it in quotes: \"\(text)\"")
    default: throw wrongType("a text")
    }
  }

  /// A decimal integer.
  public func int() throws(SettingsError) -> Int {
    guard case .scalar(let text, .number) = value, let number = Int(text) else { throw wrongType("a whole number") }
    return number
  }

  /// `true` or `false`, or one of YAML 1.1's other words for them.
  public func bool() throws(SettingsError) -> Bool {
    guard case .scalar(let text, .bool) = value else { throw wrongType("true or false") }
    return ["true", "yes", "on", "y"].contains(text.lowercased())
  }

  /// A size such as `300MB` or `8GiB`.
  public func byteCount() throws(SettingsError) -> ByteCount {
    guard let count = ByteCount(try string()) else { throw wrongType("a size such as 300MB or 8GiB") }
    return count
  }

  /// A platform such as `linux/amd64`.
  public func platform() throws(SettingsError) -> Platform {
    guard let platform = Platform(try string()) else { throw wrongType("a platform such as linux/amd64") }
    return platform
  }

  /// One of the words that `Choice` lists.
  public func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ type: Choice.Type = Choice.self
  ) throws(SettingsError) -> Choice {
    let text = try string()
    if let choice = Choice(rawValue: text) { return choice }
    let known = Choice.allCases.map(\.rawValue)
    throw error("'\(text)' is none of \(known.joined(separator: ", "))\(Spelling.suggestion(for: text, among: known))")
  }

  /// A list's items.
  public func list() throws(SettingsError) -> [SettingsNode] {
    guard case .list(let items) = value else { throw wrongType("a list") }
    return items
  }

  /// A list of texts.
  public func strings() throws(SettingsError) -> [String] {
    var strings: [String] = []
    for item in try list() { strings.append(try item.string()) }
    return strings
  }

  /// A mapping of which only the keys `known` are allowed. The first unknown key is an error that names the known ones.
  public func mapping(known: [String]) throws(SettingsError) -> SettingsMapping {
    let mapping = try self.mapping()
    for entry in mapping.entries where !known.contains(entry.name) {
      let suggestion = Spelling.suggestion(for: entry.name, among: known)
      throw entry.key.error("unknown key '\(entry.name)'\(suggestion); known here: \(known.joined(separator: ", "))")
    }
    return mapping
  }

  /// A mapping with keys of the user's choice, such as the names of images.
  public func mapping() throws(SettingsError) -> SettingsMapping {
    guard case .mapping(let pairs) = value else { throw wrongType("a mapping (key: value)") }
    var entries: [SettingsMapping.Entry] = []
    for pair in pairs {
      let name = try pair.key.string()
      if entries.contains(where: { $0.name == name }) { throw pair.key.error("'\(name)' is written more than once") }
      entries.append(SettingsMapping.Entry(name: name, key: pair.key, value: pair.value))
    }
    return SettingsMapping(node: self, entries: entries)
  }

  private func wrongType(_ expected: String) -> SettingsError {
    let found =
      switch value {
      case .scalar(_, .null): "nothing"
      case .scalar(let text, _): "'\(text)'"
      case .list: "a list"
      case .mapping: "a mapping"
      }
    return error("expected \(expected), found \(found)")
  }
}
