// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// What is managed of a workspace, as a value: entries in order, each one's directory before it.
public struct Tree: Hashable, Sendable {
  public let entries: [TreeEntry]

  public static let empty = Tree(sorted: [])

  /// Takes entries that are sorted, unique, and each preceded by its directory.
  init(sorted entries: [TreeEntry]) { self.entries = entries }

  /// Sorts and checks. Throws ``SyncError`` with `badTree` where a path stands twice or lies below something that is
  /// not a directory of the tree.
  public init(_ entries: [TreeEntry]) throws {
    self.entries = entries.sorted { $0.path < $1.path }
    try check()
  }

  /// Takes what a peer sent, which must be in order already. Throws as ``init(_:)``.
  init(checking entries: [TreeEntry]) throws {
    self.entries = entries
    try check()
  }

  private func check() throws {
    var open: [TreePath] = []
    var last: TreePath?
    for entry in entries {
      if let last, !(last < entry.path) {
        throw SyncError(
          .badTree, "a tree holds a path twice or out of order: \(entry.path)", path: entry.path.description)
      }
      last = entry.path
      while let directory = open.last, !entry.path.isBelow(directory) { open.removeLast() }
      guard entry.path.parent == open.last?.bytes ?? [] else {
        throw SyncError(
          .badTree, "a tree holds \(entry.path), but not as a directory what is above it", path: entry.path.description)
      }
      if entry.isDirectory { open.append(entry.path) }
    }
  }

  /// The entry at `path`, found by bisection.
  public subscript(path: TreePath) -> TreeEntry? { index(of: path).map { entries[$0] } }

  func index(of path: TreePath) -> Int? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].path < path { low = middle + 1 } else { high = middle }
    }
    return low < entries.count && entries[low].path == path ? low : nil
  }

  public var files: Int { entries.reduce(0) { $0 + ($1.kind == .directory ? 0 : 1) } }

  /// The Merkle root. A directory's digest covers, for each entry in the order of the names' bytes: kind, permission
  /// bits, name, and the content's digest, the link's target or the directory's own digest.
  public var digest: Digest {
    var open: [(entry: TreeEntry?, hasher: DigestHasher)] = [(nil, Self.directoryHasher())]
    func close() {
      let (entry, hasher) = open.removeLast()
      if let entry { Self.add(entry, hasher.finish().bytes, to: &open[open.count - 1].hasher) }
    }
    for entry in entries {
      while let directory = open.last?.entry, !entry.path.isBelow(directory.path) { close() }
      switch entry.kind {
      case .directory: open.append((entry, Self.directoryHasher()))
      case .file(let content): Self.add(entry, content.digest.bytes, to: &open[open.count - 1].hasher)
      case .symlink(let target): Self.add(entry, target, to: &open[open.count - 1].hasher)
      }
    }
    while open.count > 1 { close() }
    return open[0].hasher.finish()
  }

  private static func directoryHasher() -> DigestHasher {
    var hasher = DigestHasher()
    hasher.update(Array("remote-build tree 1\n".utf8))
    return hasher
  }

  private static func add(_ entry: TreeEntry, _ value: [UInt8], to hasher: inout DigestHasher) {
    let kind: UInt8 =
      switch entry.kind {
      case .file: UInt8(ascii: "f")
      case .directory: UInt8(ascii: "d")
      case .symlink: UInt8(ascii: "l")
      }
    let name = entry.path.name
    var bytes: [UInt8] = [kind, UInt8(entry.permissions & 0xff), UInt8(entry.permissions >> 8)]
    for count in [name.count, value.count] {
      for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
    }
    hasher.update(bytes + name + value)
  }
}
