// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

/// What a push will do to a workspace, settled before anything is changed.
struct ApplyPlan: Sendable {
  let before: Snapshot
  /// What the managed list will be; touched paths are marked, and have no stamp yet.
  let target: Snapshot
  let steps: Spool
  /// How many contents the client sends.
  let sent: UInt64
  /// Paths to move to `.remote-build/saved` first: edited on the host, or adopted.
  let savedAside: [TreePath]
  /// Paths that are not managed any more but stay, since they were edited on the host.
  let leftBehind: [TreePath]
  let has: Kinds

  /// Which kinds of change there are: what there is none of needs no pass.
  struct Kinds: Sendable, Hashable, Codable {
    var moves = false
    var removals = false
    var clearings = false
  }

  var isEmpty: Bool { steps.bytes == 0 }
}

/// Checks steps against what stands on the disk, and makes the plan. Blocks.
struct ApplyPlanner {
  private let before: Snapshot
  private let steps: Spool
  /// `nil` where there is no workspace yet.
  private let root: HeldDirectory?
  private let adopt: Bool
  private var moved: [UInt64: MovedDirectory] = [:]
  private var saved: [TreePath] = []
  private var left: [TreePath] = []
  private var inTheWay: [TreePath] = []
  private var has = ApplyPlan.Kinds()
  private var sent: UInt64 = 0
  /// Files that go, and are found nowhere else.
  private var lost = 0
  private var clash: NameClash

  /// Where the entries of a directory begin that is moved.
  private struct MovedDirectory {
    var path: TreePath
    var position: SnapshotReader.Position
  }

  /// - Parameter folding: which names the host's filesystem takes for one.
  init(
    _ before: Snapshot, _ steps: Spool, root: HeldDirectory?, adopt: Bool, folding: NameFolding = NameFolding()
  ) {
    clash = NameClash(folding)
    self.before = before
    self.steps = steps
    self.root = root
    self.adopt = adopt
  }

  /// - Parameter writer: takes the target.
  /// - Throws: ``Refusal/inTheWay``, ``Refusal/massDelete``, and ``SyncError`` with `badTree`.
  mutating func plan(_ writer: SnapshotWriter, allowMassDelete: Bool) throws -> ApplyPlan {
    if try namesMovedDirectories() { try findMovedDirectories() }
    var changes = Changes(before, steps)
    while let change = try changes.next() { try take(change, writer) }
    guard inTheWay.isEmpty else { throw Self.inTheWay(inTheWay) }
    let target = try writer.finish()
    if !allowMassDelete { try guardAgainstMassDelete(target) }
    return ApplyPlan(
      before: before, target: target, steps: steps, sent: sent, savedAside: saved, leftBehind: left, has: has)
  }

  private func namesMovedDirectories() throws -> Bool {
    var cursor = steps.cursor()
    while let step = try cursor.next() {
      if case .put(let entry, .moved) = step, entry.isDirectory { return true }
    }
    return false
  }

  private mutating func findMovedDirectories() throws {
    var changes = Changes(before, steps)
    while let change = try changes.next() {
      guard case .moveAway(let item, let number) = change, item.entry.isDirectory, let position = changes.position
      else {
        continue
      }
      moved[number] = MovedDirectory(path: item.entry.path, position: position)
    }
  }

  private mutating func take(_ change: Changes.Change, _ writer: SnapshotWriter) throws {
    switch change {
    case .keep(let item): try append(item, writer)
    case .remove(let item):
      has.removals = true
      if !item.entry.isDirectory { lost += 1 }
      if item.mark == .edited { save(item.entry.path) }
    case .clear(let item):
      if !item.entry.isDirectory { lost += 1 }
      if item.mark == .edited { save(item.entry.path) }
    case .forget(let item):
      has.removals = true
      if !item.entry.isDirectory { lost += 1 }
      if item.mark == .edited { left.append(item.entry.path) }
    case .moveAway, .moveAlong: has.moves = true
    case .put(let entry, let source, let item):
      if source == .sent { sent += 1 }
      try look(at: entry, item)
      try put(entry, source, writer)
    }
  }

  private mutating func save(_ path: TreePath) {
    if let last = saved.last, path == last || path.isBelow(last) { return }
    saved.append(path)
  }

  /// Decides what becomes of what stands where an entry goes.
  private mutating func look(at entry: TreeEntry, _ item: StampedEntry?) throws {
    let path = entry.path
    // What lies below something that goes away with it needs no look of its own.
    if let last = saved.last, path.isBelow(last) { return }
    guard let root, let stamp = try root.stamp(path) else { return }
    guard let item else {
      if try Self.isSame(entry, stamp, root) { return }
      if adopt { saved.append(path) } else { inTheWay.append(path) }
      return
    }
    if item.mark == .edited {
      if try !Self.isSame(entry, stamp, root) { saved.append(path) }
    } else if (stamp.kind == .directory) != entry.isDirectory {
      has.clearings = true
      guard stamp.kind == .directory else { return }
      let strangers = try strangers(root, path)
      if adopt { saved += strangers } else { inTheWay += strangers }
    }
  }

  /// Whether what stands there, unmanaged, is what is to be there.
  private static func isSame(_ entry: TreeEntry, _ stamp: FileStamp, _ root: HeldDirectory) throws -> Bool {
    switch (entry.kind, stamp.kind) {
    case (.directory, .directory): return true
    case (.symlink(let target), .symlink):
      return try Disk.target(try root.parent(of: entry.path), entry.path.name, entry.path.description) == target
    case (.file(let content), .file):
      return try stamp.size == Int64(content.size) && ManagedScan.content(root, entry.path).content == content
    default: return false
    }
  }

  /// What nobody pushed in a directory that is to make way: whatever is not in the tree before.
  private func strangers(_ root: HeldDirectory, _ path: TreePath) throws -> [TreePath] {
    var managed = Set<TreePath>()
    try before.visit { if $0.entry.path.isBelow(path) { managed.insert($0.entry.path) } }
    func look(_ path: TreePath) throws -> [TreePath] {
      let directory = try root.openDirectory(path.bytes)
      defer { Disk.close(directory) }
      var strangers: [TreePath] = []
      for name in try Disk.names(directory, path.description).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
        let child = path.appending(name)
        guard managed.contains(child) else {
          strangers.append(child)
          continue
        }
        if try Disk.stamp(directory, name)?.kind == .directory { strangers += try look(child) }
      }
      return strangers
    }
    return try look(path)
  }

  private mutating func put(_ entry: TreeEntry, _ source: Operation.Source, _ writer: SnapshotWriter) throws {
    try append(StampedEntry(entry: entry, stamp: nil, mark: .touched), writer)
    guard case .moved(let number) = source, entry.isDirectory else { return }
    guard let directory = moved[number] else {
      throw SyncError(.badTree, "\(entry.path) comes from nowhere", path: entry.path.description)
    }
    let reader = SnapshotReader(before, at: directory.position)
    _ = try reader.next()
    while var item = try reader.next(), item.entry.path.isBelow(directory.path) {
      item.entry.path = TreePath(
        unchecked: entry.path.bytes + item.entry.path.bytes[directory.path.bytes.count...])
      if let link = item.entry.link, link.isBelow(directory.path) {
        item.entry.link = TreePath(unchecked: entry.path.bytes + link.bytes[directory.path.bytes.count...])
      }
      try append(item, writer)
    }
  }

  private mutating func append(_ item: StampedEntry, _ writer: SnapshotWriter) throws {
    try clash.take(item.entry)
    try writer.append(item)
  }

  private static func inTheWay(_ paths: [TreePath]) -> any Error {
    let shown = paths.prefix(5).map(\.description).joined(separator: ", ")
    let more = paths.count > 5 ? " and \(paths.count - 5) more" : ""
    return Refusal.inTheWay.failure(
      "on the host, what was never pushed is in the way: \(shown)\(more). Nothing was changed. Move it away, or run the "
        + "same command again with --adopt, which saves it aside",
      details: ["paths": paths.prefix(1000).map(\.description)])
  }

  private func guardAgainstMassDelete(_ target: Snapshot) throws {
    let (standing, remaining) = (before.summary.files, target.summary.files)
    guard standing > 0, remaining == 0 || standing > 100 && lost * 2 > standing else { return }
    throw Refusal.massDelete.failure(
      "this push would delete \(remaining == 0 ? "all \(standing)" : "\(lost) of \(standing)") files of the host's copy. "
        + "Nothing was changed. If that is meant, run the same command again with --allow-mass-delete",
      details: ["files": ["\(standing)"], "deleted": ["\(lost)"]])
  }
}
