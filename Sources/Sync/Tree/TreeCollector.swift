// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import SystemPackage
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Makes a ``Snapshot`` of what a walk meets: what has the stamp still that it had is not read.
///
/// As long as all is as the snapshot before says, nothing is written; with the first difference a new one is begun.
final class TreeCollector {
  private let top: Int32
  private let root: FilePath
  private let place: CachePlace
  private var digesters: [ContextDigester]
  private let started = FileStamp.now()

  private let cached: Snapshot
  private var reader: SnapshotReader
  private var writer: SnapshotWriter?
  /// How many of the cached entries were met as they are, while nothing is written.
  private var matched = 0
  private var batch: [Pending] = []
  private var index: StampIndex?
  private var waitingBytes: UInt64 = 0
  /// For files of several names: the first that was met.
  private var leaders: [Inode: TreePath] = [:]
  /// Those of them that then could not be read.
  private var lost: Set<TreePath> = []

  private(set) var warnings: [String] = []
  private(set) var filesHashed = 0
  private(set) var bytesHashed: UInt64 = 0
  /// Whether something is not as it was cached.
  var isNew: Bool { writer != nil }

  private struct Inode: Hashable {
    var device: UInt64
    var number: UInt64
  }

  private enum Pending {
    case settled(StampedEntry)
    case unread(Walk.Item)
  }

  /// So many entries, or so many bytes of unread files, are looked at side by side.
  private static let batchEntries = 4096
  private static let batchBytes: UInt64 = 64 << 20

  init(top: Int32, root: FilePath, place: CachePlace, digesters: [ContextDigester]) throws {
    self.top = top
    self.root = root
    self.place = place
    self.digesters = digesters
    cached = place.name.flatMap { Snapshot.load(place.directory, $0) } ?? .empty
    reader = SnapshotReader(cached)
    // Other contexts than last time: their digests need a walk over all entries.
    if digesters.contains(where: { cached.summary.parts[$0.key] == nil }) || cached.isEmpty { try begin() }
  }

  /// Takes all from the cached snapshot, where nothing but files' contents can have changed; false where a walk is needed.
  func update(_ selection: Digest?) throws -> Bool {
    guard let selection, cached.summary.selection == selection, writer == nil else { return false }
    let finding = (try? StampCheck(cached, top: top, checksDirectories: true).run()) ?? .other
    guard finding != .other else { return false }
    guard case .files(let numbers) = finding else {
      matched = cached.summary.entries
      reader = SnapshotReader(.empty)
      return true
    }
    var changed = numbers[...]
    var number = 0
    while let known = try reader.next() {
      if changed.first == number {
        changed.removeFirst()
        let stamp = known.stamp ?? FileStamp(size: 0, modified: 0, changed: 0, inode: 0, mode: 0)
        try add(
          .unread(Walk.Item(path: known.entry.path, stamp: stamp, links: 1, device: 0, target: [])), known: nil)
      } else {
        try add(.settled(known), known: known)
      }
      number += 1
    }
    return true
  }

  /// Takes the next path of the walk.
  func take(_ item: Walk.Item) throws {
    let known = try knownEntry(at: item.path)
    var entry = TreeEntry(
      path: item.path, kind: .directory, permissions: item.stamp.permissions, modified: item.stamp.modified)
    switch item.stamp.kind {
    case .directory: break
    case .symlink: entry.kind = .symlink(item.target)
    case .file, .other:
      if item.links > 1 { entry.link = leader(item) }
      if let known, let stamp = known.stamp, stamp.isSame(as: item.stamp), let content = known.entry.content {
        entry.kind = .file(content)
      } else if known == nil, let content = renamed(item.stamp) {
        entry.kind = .file(content)
      } else {
        try add(.unread(item), known: nil)
        return
      }
    }
    try add(.settled(StampedEntry(entry: entry, stamp: item.stamp)), known: known)
  }

  /// Ends the snapshot and gives it its name.
  /// - Parameter selection: what goes into ``Snapshot/Summary/selection``.
  func finish(selection: Digest?) throws -> (snapshot: Snapshot, contexts: [String: Digest]) {
    if writer == nil, try knownIsAtEnd(), cached.summary.selection == selection {
      return (cached, name(cached.summary.parts))
    }
    if writer == nil { try begin() }
    try flush()
    var parts: [Digest: Digest] = [:]
    for index in digesters.indices {
      let digest = try digesters[index].finish(in: root.string)
      parts[digesters[index].key] = digest
    }
    guard let writer else { return (cached, name(parts)) }
    place.chunks?.tidy()
    return (try writer.finish(takenAt: started, selection: selection, parts: parts), name(parts))
  }

  private func name(_ parts: [Digest: Digest]) -> [String: Digest] {
    var named: [String: Digest] = [:]
    for digester in digesters { named[digester.context.image] = parts[digester.key] }
    return named
  }

  /// The content of a file that had the same stamp under another path.
  private func renamed(_ stamp: FileStamp) -> Content? {
    if cached.isEmpty { return nil }
    let known = index ?? StampIndex(cached)
    index = known
    return known[stamp]
  }

  private func leader(_ item: Walk.Item) -> TreePath? {
    let inode = Inode(device: item.device, number: item.stamp.inode)
    if let first = leaders[inode] { return first }
    leaders[inode] = item.path
    return nil
  }

  // MARK: - The snapshot before

  private func knownEntry(at path: TreePath) throws -> StampedEntry? {
    do {
      while let known = try reader.peek(), known.entry.path < path {
        _ = try reader.next()
        // Something went.
        if writer == nil { try begin() }
      }
      guard let known = try reader.peek(), known.entry.path == path else { return nil }
      return try reader.next()
    } catch {
      return try forgetCache()
    }
  }

  /// A damaged snapshot is as good as none: what was taken from it so far was checked against the disk.
  private func forgetCache() throws -> StampedEntry? {
    if writer == nil { try begin() }
    reader = SnapshotReader(.empty)
    return nil
  }

  private func knownIsAtEnd() throws -> Bool { ((try? reader.peek()) ?? nil) == nil }

  // MARK: - The new one

  private func add(_ pending: Pending, known: StampedEntry?) throws {
    if writer == nil {
      if case .settled(let item) = pending, let known, known.entry == item.entry, known.stamp == item.stamp {
        matched += 1
        return
      }
      try begin()
    }
    batch.append(pending)
    if case .unread(let item) = pending { waitingBytes += UInt64(item.stamp.size) }
    if batch.count >= Self.batchEntries || waitingBytes >= Self.batchBytes { try flush() }
  }

  /// Begins to write, with what was met so far.
  private func begin() throws {
    let writer = try SnapshotWriter(place.directory, place.name, path: place.path)
    self.writer = writer
    let earlier = SnapshotReader(cached)
    for _ in 0..<matched {
      if let item = try earlier.next() { try write(item) }
    }
  }

  private func write(_ item: StampedEntry) throws {
    var item = item
    if let stamp = item.stamp, !stamp.isSettled(at: started) { item.stamp = nil }
    try writer?.append(item)
    for index in digesters.indices { try digesters[index].take(item) }
  }

  private func flush() throws {
    let items = batch
    batch = []
    waitingBytes = 0
    let unread = items.indices.filter { if case .unread = items[$0] { true } else { false } }
    let collected = Mutex<[Int: Reading]>([:])
    let (top, root) = (top, root)
    try Threads.forEach(unread.count) { index in
      guard case .unread(let item) = items[unread[index]] else { return }
      let reading = try Self.read(item, top, root)
      collected.withLock { $0[unread[index]] = reading }
    }
    let readings = collected.withLock { $0 }
    for (index, pending) in items.enumerated() {
      switch pending {
      case .settled(let item): try writeLinked(item)
      case .unread(let item): try write(item, readings[index])
      }
    }
  }

  private func write(_ item: Walk.Item, _ reading: Reading?) throws {
    guard case .read(let content, let chunks, let stamp, let isStable)? = reading else {
      warnings.append("\(item.path) vanished while the workspace was read; it is left out")
      lost.insert(item.path)
      return
    }
    if !isStable { warnings.append("\(item.path) changed twice while it was read; it may change again") }
    filesHashed += 1
    bytesHashed += content.size
    if let chunks { try? place.chunks?.save(chunks) }
    var entry = TreeEntry(
      path: item.path, kind: .file(content), permissions: stamp.permissions, modified: stamp.modified)
    if item.links > 1 { entry.link = leader(item).flatMap { $0 == item.path ? nil : $0 } }
    try writeLinked(StampedEntry(entry: entry, stamp: isStable ? stamp : nil))
  }

  private func writeLinked(_ item: StampedEntry) throws {
    if let link = item.entry.link, lost.contains(link) {
      warnings.append("\(item.entry.path) vanished while the workspace was read; it is left out")
      return
    }
    try write(item)
  }

  // MARK: - Reading

  private enum Reading: Sendable {
    case read(Content, ChunkList?, FileStamp, isStable: Bool)
    case vanished
  }

  /// Reads a file, and once more if it changed meanwhile.
  private static func read(_ item: Walk.Item, _ top: Int32, _ root: FilePath) throws -> Reading {
    let path = "\(root)/\(item.path)"
    let file: Int32
    do {
      guard let parent = try IgnoreFiles(top: top, root: root).openParent(item.path) else { return .vanished }
      defer { close(parent) }
      file = try Disk.open(parent, item.path.name, O_RDONLY | O_NONBLOCK, path: path)
    } catch let error as SyncError {
      if error.systemError == ENOENT || error.systemError == ELOOP { return .vanished }
      throw error.asUnreadable
    }
    defer { close(file) }
    do {
      var before = try Disk.stamp(file, named: path)
      guard before.kind == .file else { return .vanished }
      for attempt in 0..<2 {
        let (content, chunks) = try ContentHasher.read(file, path)
        let after = try Disk.stamp(file, named: path)
        if after == before || attempt == 1 { return .read(content, chunks, after, isStable: after == before) }
        before = after
      }
      return .vanished
    } catch let error as SyncError {
      throw error.asUnreadable
    }
  }
}
