// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Which names a filesystem takes for one: those that differ in case alone, or in how their characters are composed.
struct NameFolding: Hashable, Sendable {
  var ignoresCase = false
  var ignoresComposition = false

  var isNone: Bool { !ignoresCase && !ignoresComposition }

  private static let probe = "probe-\u{e9}"

  init(ignoresCase: Bool = false, ignoresComposition: Bool = false) {
    self.ignoresCase = ignoresCase
    self.ignoresComposition = ignoresComposition
  }

  /// Asks the filesystem of a directory, by a file that is made there and removed.
  init(of directory: Int32) throws {
    let name = Array(Self.probe.utf8)
    close(try Disk.open(directory, name, O_WRONLY | O_CREAT, path: "a probe"))
    defer { _ = Disk.withPath(name) { unlinkat(directory, $0, 0) } }
    func stands(_ name: String) throws -> Bool { try Disk.stamp(directory, Array(name.utf8)) != nil }
    ignoresCase = try stands("PROBE-\u{e9}")
    ignoresComposition = try stands("probe-e\u{301}")
  }

  /// What all names have in common that the filesystem takes for one. A `String` is equal to another that is composed
  /// otherwise; names that are no text are never one.
  func folded(_ name: [UInt8]) -> AnyHashable {
    guard let text = String(validating: name, as: UTF8.self) else { return AnyHashable(name) }
    let folded = ignoresCase ? text.lowercased() : text
    return ignoresComposition ? AnyHashable(folded) : AnyHashable(Array(folded.utf8))
  }
}

/// Looks for names in one directory that a filesystem would take for one, as the entries of a tree go by.
struct NameClash {
  private let folding: NameFolding
  /// The open directories, and what stands in each.
  private var open: [(path: [UInt8], names: [AnyHashable: TreePath])] = [([], [:])]

  init(_ folding: NameFolding) { self.folding = folding }

  /// Throws ``Refusal/namesMerge``.
  mutating func take(_ entry: TreeEntry) throws {
    if folding.isNone { return }
    while open.count > 1, !entry.path.isBelow(open[open.count - 1].path) { open.removeLast() }
    let name = folding.folded(entry.path.name)
    if let other = open[open.count - 1].names.updateValue(entry.path, forKey: name) {
      throw Refusal.namesMerge.failure(
        "the host's filesystem takes two names for one: \(other) and \(entry.path). Nothing was changed. Rename one of "
          + "them, or use another filesystem",
        details: ["paths": [other.description, entry.path.description]])
    }
    if entry.isDirectory { open.append((entry.path.bytes, [:])) }
  }
}
