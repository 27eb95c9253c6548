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
}

/// Checks steps against what stands on the disk, and makes the plan. Blocks.
struct ApplyPlanner {
  private let before: Snapshot
  private let steps: Spool
  /// `nil` where there is no workspace yet.
  private let root: HeldDirectory?
  private let adopt: Bool
  private var moved: [UInt64: Moved] = [:]
  private var saved: [TreePath] = []
  private var left: [TreePath] = []
  private var inTheWay: [TreePath] = []
  private var has = ApplyPlan.Kinds()
  private var sent: UInt64 = 0
  /// Of what is sent.
  private var awaited = DigestTable()
  /// The first names of files that get further ones, with what these are to hold.
  private var firstNames: [TreePath: Content] = [:]
  /// Files that go, and are found nowhere else.
  private var lost = 0
  private var clash: NameClash

  /// What is moved, and where its entry and those below it begin.
  private struct Moved {
    var entry: TreeEntry
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
    if try hasMoves() { try findMoved() }
    var changes = Changes(before, steps)
    while let change = try changes.next() { try take(change, writer) }
    guard inTheWay.isEmpty else { throw Self.inTheWay(inTheWay) }
    // What is staged as moved goes with the staging directory, and so do files of the host's own in it.
    if let lost = moved.values.first { throw Self.bad(lost.entry.path, "is moved to nowhere") }
    let target = try writer.finish()
    try checkFirstNames(target)
    if !allowMassDelete { try guardAgainstMassDelete(target) }
    return ApplyPlan(
      before: before, target: target, steps: steps, sent: sent, savedAside: saved, leftBehind: left, has: has)
  }

  private func hasMoves() throws -> Bool {
    var cursor = steps.cursor()
    while let step = try cursor.next() {
      switch step {
      case .moveAway, .put(_, .moved): return true
      case .put, .delete, .forget: continue
      }
    }
    return false
  }

  private mutating func findMoved() throws {
    var changes = Changes(before, steps)
    while let change = try changes.next() {
      guard case .moveAway(let item, let number) = change, let position = changes.position else { continue }
      guard moved.updateValue(Moved(entry: item.entry, position: position), forKey: number) == nil else {
        throw Self.bad(item.entry.path, "is moved under a number that is taken")
      }
    }
  }

  private static func bad(_ path: TreePath, _ why: String) -> SyncError {
    SyncError(.badTree, "\(path) \(why)", path: path.description)
  }

  /// A further name can be made of a file alone, that holds the same, and stands before the name is made.
  private mutating func takeLink(_ entry: TreeEntry) throws {
    guard let link = entry.link, let content = entry.content else { return }
    guard link < entry.path, firstNames.updateValue(content, forKey: link) ?? content == content else {
      throw Self.bad(entry.path, "is to be a further name of another file")
    }
  }

  private func checkFirstNames(_ target: Snapshot) throws {
    guard !firstNames.isEmpty else { return }
    var missing = firstNames
    try target.visit { item in
      guard let content = missing.removeValue(forKey: item.entry.path) else { return }
      guard item.entry.content == content, item.entry.link == nil else {
        throw Self.bad(item.entry.path, "is to get a further name, but holds something else")
      }
    }
    if let path = missing.keys.first { throw Self.bad(path, "is to get a further name, but is no file") }
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
      if source == .sent, let content = entry.content {
        guard awaited[content.digest] == nil else { throw Self.bad(entry.path, "is sent a second time") }
        awaited.set(content.digest, 0)
        sent += 1
      }
      try takeLink(entry)
      try look(at: entry, source, item)
      try put(entry, source, writer)
    }
  }

  private mutating func save(_ path: TreePath) {
    if let last = saved.last, path == last || path.isBelow(last) { return }
    saved.append(path)
  }

  /// Decides what becomes of what stands where an entry goes.
  private mutating func look(at entry: TreeEntry, _ source: Operation.Source, _ item: StampedEntry?) throws {
    let path = entry.path
    // What lies below something that goes away with it needs no look of its own.
    if let last = saved.last, path.isBelow(last) { return }
    guard let root, let stamp = try root.stamp(path) else { return }
    guard let item else {
      if try Self.isSame(entry, stamp, root), try !replaces(entry, source, root) { return }
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

  /// Whether an entry takes the place of a directory with all that is in it, rather than just naming it.
  private func replaces(_ entry: TreeEntry, _ source: Operation.Source, _ root: HeldDirectory) throws -> Bool {
    guard case .moved = source, entry.isDirectory else { return false }
    let directory = try root.openDirectory(entry.path.bytes)
    defer { Disk.close(directory) }
    return try !Disk.names(directory, entry.path.description).isEmpty
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
    guard case .moved(let number) = source else { return }
    guard let found = moved.removeValue(forKey: number), found.entry.kind == entry.kind else {
      throw Self.bad(entry.path, "comes from nowhere")
    }
    guard entry.isDirectory else { return }
    let directory = found.entry.path
    let reader = SnapshotReader(before, at: found.position)
    _ = try reader.next()
    while var item = try reader.next(), item.entry.path.isBelow(directory) {
      // With the new name in front a path may be too long.
      item.entry.path = try TreePath(entry.path.bytes + item.entry.path.bytes[directory.bytes.count...])
      if let link = item.entry.link, link.isBelow(directory) {
        item.entry.link = try TreePath(entry.path.bytes + link.bytes[directory.bytes.count...])
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
