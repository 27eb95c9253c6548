// SPDX-License-Identifier: Apache-2.0

internal import Settings
internal import SystemPackage

extension ProjectParser {
  /// A text that is not empty.
  func word(_ node: SettingsNode) throws(SettingsError) -> String {
    let text = try node.string()
    guard !text.isEmpty else { throw node.error("must not be empty") }
    return text
  }

  /// Names that are not empty, each once.
  func words(_ node: SettingsNode) throws(SettingsError) -> [String] {
    try distinct(node) { (node) throws(SettingsError) in try word(node) }
  }

  func distinct<Value: Hashable>(
    _ node: SettingsNode, _ read: (SettingsNode) throws(SettingsError) -> Value
  ) throws(SettingsError) -> [Value] {
    var values: [Value] = []
    for item in try node.list() {
      let value = try read(item)
      if values.contains(value) { throw item.error("'\(value)' is written more than once") }
      values.append(value)
    }
    return values
  }

  /// A command and its arguments.
  func command(_ node: SettingsNode) throws(SettingsError) -> [String] {
    let command = try node.strings()
    guard let program = command.first, !program.isEmpty else { throw node.error("expected a command") }
    return command
  }

  /// A path inside of the workspace, relative to it, without `.` and `..`; empty for the workspace itself.
  func relativePath(_ node: SettingsNode) throws(SettingsError) -> String {
    let text = try word(node)
    let path = FilePath(text)
    guard !path.isAbsolute else { throw node.error("expected a path relative to the workspace, found '\(text)'") }
    let components = path.lexicallyNormalized().components
    guard !components.contains("..") else { throw node.error("'\(text)' leads out of the workspace") }
    return components.filter { $0.kind == .regular }.map(\.string).joined(separator: "/")
  }

  /// A path on the laptop, absolute, relative to the workspace, or beginning with `~/`.
  func localPath(_ node: SettingsNode) throws(SettingsError) -> FilePath {
    let text = try word(node)
    if text.hasPrefix("~") {
      guard text == "~" || text.hasPrefix("~/") else {
        throw node.error("'\(text)': only '~/', one's own home, is understood")
      }
      let rest = text.dropFirst().drop { $0 == "/" }
      return home.pushing(FilePath(String(rest))).lexicallyNormalized()
    }
    return workspace.pushing(FilePath(text)).lexicallyNormalized()
  }
}
