// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Settings
internal import SystemPackage

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// Where a workspace pins an image's version, and the texts of its files with another one in its place.
struct PinnedVersion: Sendable {
  let root: FilePath
  let image: String
  /// `registry/owner/name`.
  let name: String
  let old: String
  let new: String

  /// A file with the lines that change.
  struct Edit: Sendable {
    var file: String
    var text: String
    var changed: String

    /// As `diff -u` shows changed lines, without their surroundings.
    var difference: [String] {
      let (before, after) = (Self.lines(text), Self.lines(changed))
      let start = zip(before, after).prefix { $0 == $1 }.count
      var lines = ["--- \(file)", "+++ \(file)"]
      guard before.count == after.count else {
        // A line was added: all behind it only moves down.
        return lines + ["@@ line \(start + 1) @@"]
          + after[start..<(start + after.count - before.count)].map { "+\($0)" }
      }
      for (number, pair) in zip(before, after).enumerated() where pair.0 != pair.1 {
        lines += ["@@ line \(number + 1) @@", "-\(pair.0)", "+\(pair.1)"]
      }
      return lines
    }

    private static func lines(_ text: String) -> [Substring] {
      text.split(separator: "\n", omittingEmptySubsequences: false)
    }
  }

  private static let composeFiles = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"]

  /// The edits in all files that pin the version.
  /// - Parameter project: as the workspace's file says it.
  func edits(_ project: Project) throws -> [Edit] {
    var edits = [try projectEdit(project)]
    for file in Set(project.images.map(\.dockerfile)).sorted() {
      edits.append(try edit(file) { Self.dockerfile($0, name: name, old: old, new: new) })
    }
    for file in Self.composeFiles where FileManager.default.fileExists(atPath: root.appending(file).string) {
      edits.append(try edit(file) { Self.references($0, name: name, old: old, new: new) })
    }
    return edits.filter { $0.text != $0.changed }
  }

  private func edit(_ file: String, _ change: (String) -> String) throws -> Edit {
    let text = try String(contentsOfFile: root.pushing(FilePath(file)).string, encoding: .utf8)
    return Edit(file: file, text: text, changed: change(text))
  }

  /// The image's own `version:` changed, or one put before its `dockerfile:` where the project's held, so that no other
  /// image changes. The result is read again: what it says must differ in that version alone.
  private func projectEdit(_ project: Project) throws -> Edit {
    let file = LocalWorkspace.fileName
    let text = try String(contentsOfFile: root.appending(file).string, encoding: .utf8)
    let fields = try SettingsDocument(text: text, file: file).root.mapping().require("images").mapping()
      .require(image).mapping()
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if let version = fields["version"] {
      let start = lines[version.line - 1].utf8Index(version.column - 1)
      guard let range = lines[version.line - 1][start...].firstRange(of: old) else { throw unwritable(file) }
      lines[version.line - 1].replaceSubrange(range, with: new)
    } else {
      let key = try fields.entries.first { $0.name == "dockerfile" }.orThrow(unwritable(file)).key
      let line = lines[key.line - 1]
      let start = line.utf8Index(key.column - 1)
      if line[..<start].allSatisfy({ $0 == " " }) {
        lines.insert("\(line[..<start])version: \(new)", at: key.line - 1)
      } else {
        lines[key.line - 1].insert(contentsOf: "version: \(new), ", at: start)
      }
    }
    let changed = lines.joined(separator: "\n")
    var expected = project
    for index in expected.images.indices where expected.images[index].name == image {
      expected.images[index].version = .fixed(new)
    }
    let home = FilePath("/")
    guard let read = try? Project.parse(changed, workspace: root, home: home),
      let before = try? Project.parse(text, workspace: root, home: home),
      read.images.map(\.version) == expected.images.map(\.version),
      read.images.map(\.name) == before.images.map(\.name), read.version == before.version,
      read.registry == before.registry
    else { throw unwritable(file) }
    return Edit(file: file, text: text, changed: changed)
  }

  private func unwritable(_ file: String) -> DeliveryError {
    DeliveryError(
      .usage, "the version of \(image) cannot be changed in \(file) by itself",
      leftBehind: "nothing was changed", next: ["write version: \(new) there by hand"])
  }

  /// Defaults of `BASE_VERSION` where a `FROM` names the image by it, and tags that are written out.
  static func dockerfile(_ text: String, name: String, old: String, new: String) -> String {
    let image = name.split(separator: "/").last.map(String.init) ?? name
    let byArgument = ["/\(image):${BASE_VERSION}", "/\(image):$BASE_VERSION", "/\(image):${BASE_VERSION:-"]
    let isBase = text.split(separator: "\n").contains { line in
      line.lowercased().hasPrefix("from ") && byArgument.contains { line.contains($0) }
    }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" })
      guard isBase, words.count == 2, words[0].lowercased() == "arg" else { return String(line) }
      let values = ["BASE_VERSION=\(old)", "BASE_VERSION=\"\(old)\"", "BASE_VERSION='\(old)'"]
      guard values.contains(String(words[1])) else { return String(line) }
      return String(line.replacing(old, with: new))
    }
    return references(lines.joined(separator: "\n"), name: name, old: old, new: new)
  }

  /// References `registry/owner/name:old`, whole ones alone.
  static func references(_ text: String, name: String, old: String, new: String) -> String {
    var result = ""
    var rest = text[...]
    while let range = rest.firstRange(of: "\(name):\(old)") {
      let before = range.lowerBound == text.startIndex ? nil : text[text.index(before: range.lowerBound)]
      let after = range.upperBound == text.endIndex ? nil : text[range.upperBound]
      let isWhole =
        !(before.map(Self.isOfReference) ?? false) && !(after.map { Self.isOfReference($0) || $0 == "@" } ?? false)
      result += rest[..<range.lowerBound] + "\(name):\(isWhole ? new : old)"
      rest = rest[range.upperBound...]
    }
    return result + rest
  }

  private static func isOfReference(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || "._-/".contains(character))
  }
}

extension String {
  /// The index so many bytes, or as near before, from the beginning.
  fileprivate func utf8Index(_ offset: Int) -> String.Index {
    utf8.index(startIndex, offsetBy: max(0, offset), limitedBy: endIndex) ?? endIndex
  }
}

extension Optional {
  fileprivate func orThrow(_ error: some Error) throws -> Wrapped {
    guard let self else { throw error }
    return self
  }
}
