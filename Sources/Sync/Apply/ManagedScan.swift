// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What became on the disk of the paths that were pushed.
struct ManagedScan: Sendable {
  /// The managed paths as they stand, each with its stamp; those that are gone are not in it. What is not as it was
  /// pushed is marked as edited.
  let snapshot: Snapshot
  /// Files that had to be read.
  let filesHashed: Int
  let hasEdits: Bool

  static let empty = ManagedScan(snapshot: .empty, filesHashed: 0, hasEdits: false)

  /// Looks at each path of `recorded` below `root`, and reads the files that changed. Blocks.
  /// - Parameters:
  ///   - scratch: an open directory for a list that differs from the recorded one.
  ///   - chunks: where the chunks of big files that were read are kept.
  /// - Throws: ``SyncError``; `WireError` where the recorded list is damaged.
  static func take(
    _ root: HeldDirectory, recorded: Snapshot, scratch: Int32, chunks: ChunkStore?
  ) throws -> ManagedScan {
    if case .same = try StampCheck(recorded, top: root.descriptor, checksDirectories: false).run() {
      return ManagedScan(snapshot: recorded, filesHashed: 0, hasEdits: false)
    }
    let collector = ManagedCollector(root, recorded, scratch, chunks)
    try collector.run()
    return ManagedScan(
      snapshot: try collector.finish(), filesHashed: collector.filesHashed, hasEdits: collector.hasEdits)
  }

  private init(snapshot: Snapshot, filesHashed: Int, hasEdits: Bool) {
    self.snapshot = snapshot
    self.filesHashed = filesHashed
    self.hasEdits = hasEdits
  }

  /// What a file holds that stands below a directory.
  static func content(_ root: HeldDirectory, _ path: TreePath) throws -> (content: Content, chunks: ChunkList?) {
    let file = try Disk.open(try root.parent(of: path), path.name, O_RDONLY | O_NONBLOCK, path: path.description)
    defer { close(file) }
    return try ContentHasher.read(file, path.description)
  }
}

/// Writes no list as long as all is as recorded.
private final class ManagedCollector {
  private let root: HeldDirectory
  private let recorded: Snapshot
  private let scratch: Int32
  private let chunks: ChunkStore?
  private var writer: SnapshotWriter?
  private var matched = 0
  private var batch: [Found] = []
  private(set) var filesHashed = 0
  private(set) var hasEdits = false

  private struct Found: Sendable {
    var item: StampedEntry
    var isUnread: Bool
  }

  private static let batchEntries = 4096

  init(_ root: HeldDirectory, _ recorded: Snapshot, _ scratch: Int32, _ chunks: ChunkStore?) {
    self.root = root
    self.recorded = recorded
    self.scratch = scratch
    self.chunks = chunks
  }

  func run() throws {
    var gone: TreePath?
    try recorded.visit { item in
      let entry = item.entry
      if let directory = gone, entry.path.isBelow(directory) { return }
      gone = nil
      guard let stamp = try root.stamp(entry.path) else {
        if entry.isDirectory { gone = entry.path }
        return try begin()
      }
      if let known = item.stamp, known.isSame(as: stamp), try isLinked(entry, stamp) {
        return try add(Found(item: StampedEntry(entry: entry, stamp: known), isUnread: false), isSame: true)
      }
      try add(changed(entry, stamp, &gone), isSame: false)
    }
  }

  func finish() throws -> Snapshot {
    guard writer != nil else { return recorded }
    try flush()
    guard let writer else { return recorded }
    return try writer.finish()
  }

  /// Whether a further name of a file is that still.
  private func isLinked(_ entry: TreeEntry, _ stamp: FileStamp) throws -> Bool {
    guard let link = entry.link else { return true }
    return try root.stamp(link)?.inode == stamp.inode
  }

  private func changed(_ entry: TreeEntry, _ stamp: FileStamp, _ gone: inout TreePath?) throws -> Found? {
    var current = entry
    current.permissions = stamp.permissions
    if try !isLinked(entry, stamp) { current.link = nil }
    switch stamp.kind {
    case .directory: current.kind = .directory
    case .symlink:
      current.kind = .symlink(try Disk.target(try root.parent(of: entry.path), entry.path.name, entry.path.description))
    case .file: return Found(item: StampedEntry(entry: current, stamp: stamp), isUnread: true)
    case .other:
      // Nothing that a tree could hold: it is in the way of whatever comes there.
      if entry.isDirectory { gone = entry.path }
      return nil
    }
    var item = StampedEntry(entry: current, stamp: stamp)
    if current.kind != entry.kind {
      item.mark = .edited
      item.entry.modified = stamp.modified
      item.entry.link = nil
      // What was a directory is none any more, so nothing below it is managed.
      if entry.isDirectory { gone = entry.path }
    }
    return Found(item: item, isUnread: false)
  }

  private func add(_ found: Found?, isSame: Bool) throws {
    if writer == nil {
      if isSame {
        matched += 1
        return
      }
      try begin()
    }
    guard let found else { return }
    batch.append(found)
    if batch.count >= Self.batchEntries { try flush() }
  }

  private func begin() throws {
    guard self.writer == nil else { return }
    let writer = try SnapshotWriter(scratch, nil, path: "the managed list")
    self.writer = writer
    let earlier = SnapshotReader(recorded)
    for _ in 0..<matched {
      if let item = try earlier.next() { try writer.append(item) }
    }
  }

  private func flush() throws {
    var items = batch
    batch = []
    let unread = items.indices.filter { items[$0].isUnread }
    let (found, root) = (items, root)
    let contents = Mutex<[Int: (Content, ChunkList?)]>([:])
    try Threads.forEach(unread.count) { index in
      let path = found[unread[index]].item.entry.path
      let content = try ManagedScan.content(HeldDirectory(sharing: root), path)
      contents.withLock { $0[unread[index]] = content }
    }
    for (index, (content, list)) in contents.withLock({ $0 }) {
      filesHashed += 1
      if let list { try? chunks?.save(list) }
      guard items[index].item.entry.kind != .file(content) else { continue }
      items[index].item.entry.kind = .file(content)
      items[index].item.entry.modified = items[index].item.stamp?.modified ?? 0
      items[index].item.mark = .edited
    }
    for found in items {
      if found.item.mark == .edited { hasEdits = true }
      try writer?.append(found.item)
    }
  }
}
