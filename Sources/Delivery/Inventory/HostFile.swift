// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// A file of the inventory, as `hosts add` writes it.
struct HostFile: Sendable {
  var address: String
  var builder: String?
  var platform: String?
  var roles: [String]

  /// Where a host's file lies: the user's own, which wins, else the workspace's; `nil` where there is none.
  static func path(of name: String, workspace: LocalWorkspace, context: RunContext) -> FilePath? {
    [context.directories.hosts, workspace.root.appending("hosts")].map { $0.appending("\(name).yaml") }
      .first { FileManager.default.fileExists(atPath: $0.string) }
  }

  /// Whether `name` can be a file's and a host's: letters, digits, `-`, `_` and `.`, not beginning with one of these.
  static func isName(_ name: String) -> Bool {
    let isPlain = name.utf8.allSatisfy { byte in
      (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || "-_.".utf8.contains(byte)
    }
    return isPlain && name.utf8.count <= 64 && !(name.first.map { "-_.".contains($0) } ?? true) && name != "local"
  }

  var text: String {
    var lines = ["address: \(Self.scalar(address))"]
    if let builder { lines.append("builder: \(builder)") }
    if let platform { lines.append("platforms: [\(Self.scalar(platform))]") }
    if !roles.isEmpty { lines.append("roles: [\(roles.map(Self.scalar).joined(separator: ", "))]") }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Quoted where YAML could take it for something else than a text.
  private static func scalar(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
      (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || "-_.@/:".utf8.contains(byte)
    }
    let isWord =
      text.contains { $0.isLetter } && !["true", "false", "yes", "no", "on", "off", "null"].contains(text.lowercased())
    let isSafe = isPlain && isWord && text.first?.isLetter == true && !text.hasSuffix(":")
    guard !isSafe else { return text }
    return "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }

  /// Writes the file, for everybody to read.
  /// - Parameter overwrites: whether one that stands there is replaced; otherwise it is an error.
  func write(to path: FilePath, overwrites: Bool) throws {
    do {
      try FileManager.default.createDirectory(
        atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
      if overwrites {
        try Data(text.utf8).write(to: URL(filePath: path.string), options: .atomic)
      } else {
        let file = try FileDescriptor.open(
          path, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
          permissions: [.ownerReadWrite, .groupRead, .otherRead])
        _ = try file.closeAfter { try file.writeAll(Array(text.utf8)) }
      }
    } catch {
      throw DeliveryError(.usage, "\(path) cannot be written: \(error)", leftBehind: "nothing was changed")
    }
  }
}
