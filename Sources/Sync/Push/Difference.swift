// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

/// What leads from one tree to another, path by path; where contents come from is not settled yet.
final class Difference {
  /// The steps. A file whose content changes is marked as sent; one directory's deletion stands for all below it.
  let steps: Spool
  /// Directories that only the old tree has, with what they held: each before those in it.
  private(set) var gone: [Directory] = []
  /// Directories that only the new tree has, likewise.
  private(set) var new: [Directory] = []
  /// Entries made or changed that are no directories.
  private(set) var changed = 0
  /// Entries deleted or forgotten, directories too.
  private(set) var deleted = 0
  /// Big files of the old tree, whose chunks a new one may share.
  private(set) var divided: [(path: TreePath, content: Content)] = []

  struct Directory {
    var path: TreePath
    /// Of all below it, times included, its own name and permissions not.
    var digest = Snapshot.empty.digest
    var entries = 0
    /// How many directories of the same list lie in it.
    var inner = 0
    /// Whether a file in it is linked to one outside: then the digest says the same only beside the same neighbours.
    var reachesOut = false
  }

  /// More directories than this are not looked for under another name.
  private static let mostDirectories = 1 << 17
  private static let mostDivided = 4096

  private let base: SnapshotReader
  private let target: SnapshotReader
  private let stands: (TreePath) -> Bool
  private let list: ((Operation) -> Void)?
  private var writer: OperationWriter

  /// Compares two trees. Blocks.
  /// - Parameters:
  ///   - scratch: an open directory for what does not fit into memory.
  ///   - stands: whether a path that is not managed any more is on the laptop still.
  ///   - list: told of each path that is put, deleted or forgotten.
  init(
    from base: Snapshot, to target: Snapshot, scratch: Int32, stands: @escaping (TreePath) -> Bool,
    list: ((Operation) -> Void)? = nil
  ) throws {
    self.base = SnapshotReader(base)
    self.target = SnapshotReader(target)
    self.stands = stands
    self.list = list
    let steps = Spool(scratch)
    self.steps = steps
    writer = OperationWriter { try steps.append($0) }
    guard base.summary.identity != target.summary.identity else { return }
    try compare()
    try writer.finish()
  }

  private func compare() throws {
    while true {
      switch (try base.peek(), try target.peek()) {
      case (nil, nil): return
      case (let old?, let new?) where old.entry.path == new.entry.path:
        _ = try base.next()
        _ = try target.next()
        try both(old.entry, new.entry)
      case (let old?, let new?) where old.entry.path < new.entry.path:
        _ = try base.next()
        try onlyOld(old.entry)
      case (let old?, nil):
        _ = try base.next()
        try onlyOld(old.entry)
      case (_, let new?):
        _ = try target.next()
        try onlyNew(new.entry)
      }
    }
  }

  private func both(_ old: TreeEntry, _ new: TreeEntry) throws {
    note(old)
    if old.isDirectory != new.isDirectory {
      try put(new)
      if old.isDirectory {
        try passOld(below: old.path)
      } else {
        try passNew(directory: new)
      }
      return
    }
    guard old != new else { return }
    if old.kind == new.kind && old.link == new.link {
      try put(new, .stays)
    } else {
      try put(new)
    }
  }

  private func put(_ entry: TreeEntry, _ source: Operation.Source? = nil) throws {
    if !entry.isDirectory { changed += 1 }
    let needsContent = entry.content != nil && entry.link == nil
    let operation = Operation.put(entry, source ?? (needsContent ? .sent : .stays))
    list?(operation)
    try writer.write(operation)
  }

  private func note(_ entry: TreeEntry) {
    guard let content = entry.content, content.isDivided, divided.count < Self.mostDivided else { return }
    divided.append((entry.path, content))
  }

  // MARK: - What only one tree has

  private func onlyOld(_ entry: TreeEntry) throws {
    note(entry)
    deleted += 1
    if stands(entry.path) {
      list?(.forget(entry.path))
      try writer.write(.forget(entry.path))
      // What is in it may be gone, or ignored by itself.
      return
    }
    list?(.delete(entry.path))
    try writer.write(.delete(entry.path))
    guard entry.isDirectory else { return }
    var digests = SubtreeDigests()
    digests.enter(entry, in: &gone, limit: Self.mostDirectories)
    while let inner = try base.peek()?.entry, inner.path.isBelow(entry.path) {
      _ = try base.next()
      note(inner)
      deleted += 1
      list?(.delete(inner.path))
      digests.take(inner, in: &gone, limit: Self.mostDirectories)
    }
    digests.finish(in: &gone)
  }

  /// What was in a directory that makes way goes with it, and is no source of anything.
  private func passOld(below path: TreePath) throws {
    while let inner = try base.peek()?.entry, inner.path.isBelow(path) {
      _ = try base.next()
      note(inner)
      deleted += 1
      list?(.delete(inner.path))
    }
  }

  private func onlyNew(_ entry: TreeEntry) throws {
    try put(entry)
    if entry.isDirectory { try passNew(directory: entry) }
  }

  private func passNew(directory: TreeEntry) throws {
    var digests = SubtreeDigests()
    digests.enter(directory, in: &new, limit: Self.mostDirectories)
    while let inner = try target.peek()?.entry, inner.path.isBelow(directory.path) {
      _ = try target.next()
      try put(inner)
      digests.take(inner, in: &new, limit: Self.mostDirectories)
    }
    digests.finish(in: &new)
  }
}

/// The digests of a directory and of all directories in it, as their entries go by.
private struct SubtreeDigests {
  private var merkle = MerkleRoot(coversTimes: true)
  /// The open directories; an index of -1 where the list was full.
  private var open: [(index: Int, path: TreePath)] = []

  mutating func enter(_ directory: TreeEntry, in list: inout [Difference.Directory], limit: Int) {
    add(directory, in: &list, limit: limit, closed: 0)
  }

  mutating func take(_ entry: TreeEntry, in list: inout [Difference.Directory], limit: Int) {
    var closed = 0
    while let last = open.dropLast(closed).last, !entry.path.isBelow(last.path) { closed += 1 }
    add(entry, in: &list, limit: limit, closed: closed)
  }

  private mutating func add(
    _ entry: TreeEntry, in list: inout [Difference.Directory], limit: Int, closed: Int
  ) {
    var relative = entry
    relative.link = entry.link?.relative(to: entry.path.parent)
    settle(merkle.add(relative, closed: closed), in: &list)
    for (index, path) in open where index >= 0 {
      list[index].entries += 1
      if let link = entry.link, !link.isBelow(path) { list[index].reachesOut = true }
    }
    guard entry.isDirectory else { return }
    guard list.count < limit else { return open.append((-1, entry.path)) }
    open.append((list.count, entry.path))
    list.append(Difference.Directory(path: entry.path))
  }

  mutating func finish(in list: inout [Difference.Directory]) { settle(merkle.finish().dropLast(), in: &list) }

  private mutating func settle(_ digests: some Sequence<Digest>, in list: inout [Difference.Directory]) {
    for digest in digests {
      let (index, _) = open.removeLast()
      guard index >= 0 else { continue }
      list[index].digest = digest
      list[index].inner = list.count - index - 1
    }
  }
}

extension TreePath {
  /// The way here from a directory, which stays the same where both move together; no path that a tree may hold.
  fileprivate func relative(to directory: [UInt8]) -> TreePath {
    var (above, up) = (directory, [UInt8]())
    while !isBelow(above) {
      above = TreePath(unchecked: above).parent
      up += [Self.dot, Self.dot, Self.slash]
    }
    return TreePath(unchecked: up + bytes[(above.isEmpty ? 0 : above.count + 1)...])
  }
}
