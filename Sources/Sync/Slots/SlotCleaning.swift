// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Removes what does not belong into a slot, or is of another kind than what does; and opens up directories that a
/// build closed.
struct SlotCleaning {
  private let wanted: SnapshotReader
  private let path: String

  init(_ wanted: Snapshot, path: String) throws {
    self.wanted = SnapshotReader(wanted)
    self.path = path
  }

  /// Walks the slot and what is wanted there side by side.
  mutating func run(_ directory: Int32) throws { try run(directory, TreePath(unchecked: [])) }

  private mutating func run(_ directory: Int32, _ prefix: TreePath) throws {
    for name in try Disk.names(directory, path).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let child = prefix.appending(name)
      guard let stamp = try Disk.stamp(directory, name) else { continue }
      while let next = try wanted.peek(), next.entry.path < child { _ = try wanted.next() }
      guard let entry = try wanted.peek()?.entry, entry.path == child, Self.isSameKind(entry, stamp) else {
        try Disk.remove(directory, name, child.description)
        continue
      }
      guard entry.isDirectory else { continue }
      let inner = try Disk.open(directory, name, O_RDONLY | O_DIRECTORY, path: child.description)
      defer { close(inner) }
      if stamp.permissions & 0o700 != 0o700, fchmod(inner, mode_t(stamp.permissions | 0o700)) != 0 {
        throw SyncError.last("write to", child.description)
      }
      try run(inner, child)
    }
  }

  private static func isSameKind(_ entry: TreeEntry, _ stamp: FileStamp) -> Bool {
    switch (entry.kind, stamp.kind) {
    case (.file, .file), (.directory, .directory), (.symlink, .symlink): true
    default: false
    }
  }
}
