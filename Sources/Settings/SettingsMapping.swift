// SPDX-License-Identifier: Apache-2.0

/// A mapping's entries, in the order of the file.
public struct SettingsMapping: Sendable {
  public struct Entry: Sendable {
    public let name: String
    /// The key itself, for errors that point to it.
    public let key: SettingsNode
    public let value: SettingsNode
  }

  /// The mapping as a whole, for errors that point to where it begins.
  public let node: SettingsNode
  public let entries: [Entry]

  /// The value of `key`, or `nil` where the key is not written.
  public subscript(key: String) -> SettingsNode? { entries.first { $0.name == key }?.value }

  /// The value of `key`. Throws where the key is not written.
  public func require(_ key: String) throws(SettingsError) -> SettingsNode {
    guard let value = self[key] else { throw node.error("'\(key)' is missing") }
    return value
  }
}
