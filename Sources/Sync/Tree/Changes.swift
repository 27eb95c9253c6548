// SPDX-License-Identifier: Apache-2.0

/// A tree and the steps that lead from it to another, met together path by path.
struct Changes {
  enum Change {
    /// It stays as it is.
    case keep(StampedEntry)
    case put(TreeEntry, Operation.Source, before: StampedEntry?)
    /// It goes: by a step of its own, or with a directory above.
    case remove(StampedEntry)
    /// It goes with a directory in whose place something else is put.
    case clear(StampedEntry)
    case forget(StampedEntry)
    /// It is found again elsewhere.
    case moveAway(StampedEntry, UInt64)
    /// It goes along with the directory that was moved away under that number.
    case moveAlong(StampedEntry, UInt64)
  }

  private enum Cover {
    case removed
    case cleared
    case moved(UInt64)
  }

  private let before: SnapshotReader
  private var steps: Spool.Cursor
  /// What becomes of what lies below some directories, the innermost last.
  private var covers: [(path: TreePath, cover: Cover)] = []
  /// Where in the tree the entry begins that the last change is about.
  private(set) var position: SnapshotReader.Position?

  init(_ before: Snapshot, _ steps: Spool) {
    self.before = SnapshotReader(before)
    self.steps = steps.cursor()
  }

  /// The next change; `nil` at the end. Throws ``SyncError`` with `badTree` for steps that do not fit the tree.
  mutating func next() throws -> Change? {
    switch (try before.peek(), try steps.peek()) {
    case (nil, nil): return nil
    case (let old?, let step?) where old.entry.path == step.path:
      _ = try before.next()
      position = before.position
      _ = try steps.next()
      return try both(old, step)
    case (let old?, nil): return try keep(old)
    case (let old?, let step?) where old.entry.path < step.path: return try keep(old)
    case (_, let step?):
      _ = try steps.next()
      guard case .put(let entry, let source) = step, source != .stays || entry.content == nil || entry.link != nil
      else { throw Self.unfit(step) }
      try leave(entry.path, step)
      return .put(entry, source, before: nil)
    }
  }

  private mutating func keep(_ old: StampedEntry) throws -> Change {
    _ = try before.next()
    position = before.position
    while let last = covers.last, !old.entry.path.isBelow(last.path) { covers.removeLast() }
    switch covers.last?.cover {
    case nil: return .keep(old)
    case .removed?: return .remove(old)
    case .cleared?: return .clear(old)
    case .moved(let number)?: return .moveAlong(old, number)
    }
  }

  private mutating func both(_ old: StampedEntry, _ step: Operation) throws -> Change {
    while let last = covers.last, !old.entry.path.isBelow(last.path) { covers.removeLast() }
    if let cover = covers.last?.cover {
      // Out of a directory that goes something may be moved; else its deletion says all.
      guard case .removed = cover, case .moveAway = step else { throw Self.unfit(step) }
    }
    switch step {
    case .delete(let path):
      if old.entry.isDirectory { covers.append((path, .removed)) }
      return .remove(old)
    case .forget: return .forget(old)
    case .moveAway(let path, let number):
      if old.entry.isDirectory { covers.append((path, .moved(number))) }
      return .moveAway(old, number)
    case .put(let entry, let source):
      if source == .stays, entry.link == nil, entry.content != nil, entry.kind != old.entry.kind {
        throw Self.unfit(step)
      }
      if old.entry.isDirectory && !entry.isDirectory { covers.append((entry.path, .cleared)) }
      if case .moved = source, old.entry.isDirectory, entry.isDirectory { throw Self.unfit(step) }
      return .put(entry, source, before: old)
    }
  }

  /// A new path may not lie below something that goes.
  private mutating func leave(_ path: TreePath, _ step: Operation) throws {
    while let last = covers.last, !path.isBelow(last.path) { covers.removeLast() }
    guard covers.isEmpty else { throw Self.unfit(step) }
  }

  private static func unfit(_ step: Operation) -> SyncError {
    SyncError(
      .badTree, "a push changes what is not in the tree, or not as it is there: \(step.path)",
      path: step.path.description)
  }
}

extension Snapshot {
  /// The tree that steps without moves make of this one. Throws ``SyncError`` with `badTree` where they do not fit.
  func applying(_ steps: Spool, scratch: Int32) throws -> Snapshot {
    let writer = try SnapshotWriter(scratch, nil, path: "a tree")
    var changes = Changes(self, steps)
    while let change = try changes.next() {
      switch change {
      case .keep(let item): try writer.append(item)
      case .put(let entry, _, _): try writer.append(StampedEntry(entry: entry, stamp: nil))
      case .remove, .clear, .forget: break
      case .moveAway(let item, _), .moveAlong(let item, _):
        throw SyncError(.badTree, "a tree was told with moves", path: item.entry.path.description)
      }
    }
    return try writer.finish()
  }
}
