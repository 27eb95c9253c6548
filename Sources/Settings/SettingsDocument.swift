// SPDX-License-Identifier: Apache-2.0

public import SystemPackage
internal import Yams

/// A file of configuration: one YAML document, of which every value knows its line and column.
public struct SettingsDocument: Sendable {
  public let root: SettingsNode

  /// Values beyond this count are refused: nested aliases can make a small file a huge tree.
  static let maximumNodes = 100_000

  /// Parses `text`; `file` is the name that errors begin with. An empty document is an empty mapping.
  /// Throws for bad syntax, duplicate keys, and more than one document.
  public init(text: String, file: String) throws(SettingsError) {
    do {
      var count = 0
      root = try Yams.compose(yaml: text).map { try Self.convert($0, file, &count) } ?? Self.empty(file)
    } catch let error as SettingsError {
      throw error
    } catch {
      throw Self.settingsError(error, file, text)
    }
  }

  /// Reads and parses the file at `path`. Throws also when it cannot be read or is not UTF-8.
  public init(contentsOf path: FilePath, file: String? = nil) throws(SettingsError) {
    let name = file ?? path.string
    let bytes: [UInt8]
    do {
      bytes = try Self.read(path)
    } catch {
      throw SettingsError(file: name, line: 0, column: 0, message: "cannot be read: \(error)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw SettingsError(file: name, line: 0, column: 0, message: "is not UTF-8 text")
    }
    try self.init(text: text, file: name)
  }

  private static func read(_ path: FilePath) throws -> [UInt8] {
    let descriptor = try FileDescriptor.open(path, .readOnly)
    return try descriptor.closeAfter {
      var bytes: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 64 << 10)
      while true {
        let count = try chunk.withUnsafeMutableBytes { try descriptor.read(into: $0) }
        if count == 0 { return bytes }
        bytes += chunk[..<count]
      }
    }
  }

  private static func empty(_ file: String) -> SettingsNode {
    SettingsNode(file: file, line: 1, column: 1, value: .mapping([]))
  }

  private static func convert(_ node: Node, _ file: String, _ count: inout Int) throws -> SettingsNode {
    let mark = node.mark
    count += 1
    guard count <= maximumNodes else {
      throw SettingsError(file: file, line: mark?.line ?? 1, column: mark?.column ?? 1, message: "too many values")
    }
    let value: SettingsNode.Value
    switch node {
    case .scalar(let scalar): value = .scalar(scalar.string, type(of: scalar, tag: node.tag))
    case .sequence(let items): value = .list(try items.map { try convert($0, file, &count) })
    case .mapping(let pairs):
      value = .mapping(try pairs.map { (try convert($0.key, file, &count), try convert($0.value, file, &count)) })
    // Parsing replaces each alias by what it stands for.
    case .alias: value = .scalar("", .null)
    }
    return SettingsNode(file: file, line: mark?.line ?? 1, column: mark?.column ?? 1, value: value)
  }

  private static func type(of scalar: Node.Scalar, tag: Tag) -> SettingsNode.ScalarType {
    guard scalar.style == .plain || scalar.style == .any else { return .string }
    return switch tag.rawValue {
    case Tag.Name.null.rawValue: .null
    case Tag.Name.bool.rawValue: .bool
    case Tag.Name.int.rawValue, Tag.Name.float.rawValue: .number
    default: .string
    }
  }

  private static func settingsError(_ error: any Error, _ file: String, _ text: String) -> SettingsError {
    func at(_ mark: Mark, _ message: String) -> SettingsError {
      SettingsError(file: file, line: mark.line, column: mark.column, message: message)
    }
    switch error {
    case YamlError.scanner(let context, let problem, let mark, _),
      YamlError.parser(let context, let problem, let mark, _),
      YamlError.composer(let context, let problem, let mark, _):
      return at(mark, (context.map { "\($0.text), " } ?? "") + problem)
    case YamlError.duplicatedKeysInMapping(let duplicates, let context):
      let names = duplicates.map { "'\($0)'" }.joined(separator: ", ")
      let second = DuplicateKey(first: context.mark, in: text)?.second
      return at(second ?? context.mark, "\(names) is written more than once")
    case YamlError.reader(let problem, _, _, _):
      return SettingsError(file: file, line: 0, column: 0, message: problem)
    default:
      return SettingsError(file: file, line: 0, column: 0, message: "\(error)")
    }
  }
}
