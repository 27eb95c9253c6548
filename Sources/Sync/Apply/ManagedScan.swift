// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What became on the disk of the paths that were pushed.
struct ManagedScan: Sendable {
  /// The managed paths as they stand; those that are gone are not in it.
  let tree: Tree
  let stamps: [FileStamp?]
  /// When the walk began.
  let takenAt: Int64
  /// Paths whose content, kind or target is not what was pushed.
  let edited: Set<TreePath>
  /// Files that had to be read.
  let filesHashed: Int

  var stamped: StampedTree { StampedTree(tree: tree, stamps: stamps, takenAt: takenAt) }

  static let empty = ManagedScan(tree: .empty, stamps: [], takenAt: 0, edited: [], filesHashed: 0)

  private init(tree: Tree, stamps: [FileStamp?], takenAt: Int64, edited: Set<TreePath>, filesHashed: Int) {
    self.tree = tree
    self.stamps = stamps
    self.takenAt = takenAt
    self.edited = edited
    self.filesHashed = filesHashed
  }

  /// Looks at each path of `recorded` below `root`, and reads the files that changed. Blocks.
  init(_ root: HeldDirectory, recorded: StampedTree) throws {
    takenAt = FileStamp.now()
    var found: [(entry: TreeEntry, stamp: FileStamp, isSettled: Bool)] = []
    var edited = Set<TreePath>()
    var gone: TreePath?
    for (index, entry) in recorded.tree.entries.enumerated() {
      if let gone, entry.path.isBelow(gone) { continue }
      gone = nil
      guard let stamp = try root.stamp(entry.path) else {
        if entry.isDirectory { gone = entry.path }
        continue
      }
      if let known = recorded.stamps[index], known.isSame(as: stamp) {
        found.append((entry, stamp, true))
        continue
      }
      var current = entry
      current.permissions = stamp.permissions
      switch stamp.kind {
      case .directory: current.kind = .directory
      case .symlink:
        current.kind = .symlink(
          try Disk.target(try root.parent(of: entry.path), entry.path.name, entry.path.description))
      case .file:
        found.append((current, stamp, false))
        continue
      case .other:
        edited.insert(entry.path)
        if entry.isDirectory { gone = entry.path }
        continue
      }
      if current.kind != entry.kind {
        edited.insert(entry.path)
        current.modified = stamp.modified
        // What was a directory is none any more, so nothing below it is managed.
        if entry.isDirectory { gone = entry.path }
      }
      found.append((current, stamp, true))
    }
    let pending = found.indices.filter { !found[$0].isSettled }
    let items = found
    let contents = Mutex<[Int: Content]>([:])
    try Threads.forEach(pending.count) { index in
      let path = items[pending[index]].entry.path
      let content = try Self.content(HeldDirectory(sharing: root), path)
      contents.withLock { $0[pending[index]] = content }
    }
    for (index, content) in contents.withLock({ $0 }) {
      if found[index].entry.kind != .file(content) {
        edited.insert(found[index].entry.path)
        found[index].entry.kind = .file(content)
        found[index].entry.modified = found[index].stamp.modified
      }
    }
    tree = try Tree(checking: found.map(\.entry))
    stamps = found.map(\.stamp)
    self.edited = edited
    filesHashed = pending.count
  }

  static func content(_ root: HeldDirectory, _ path: TreePath) throws -> Content {
    let file = try Disk.open(try root.parent(of: path), path.name, O_RDONLY | O_NONBLOCK, path: path.description)
    defer { close(file) }
    return try Disk.content(file, path.description)
  }
}
