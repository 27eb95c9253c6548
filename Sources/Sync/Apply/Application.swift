// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Carries a plan out: what is needed is staged, the journal takes its name, and then path by path is moved into
/// place, deletes last. Until then a failure leaves the old tree whole; after it, each path is old or new, and whoever
/// comes next goes on.
final class Application: @unchecked Sendable {
  // `@unchecked`: lives inside one call on one worker thread.
  let workspace: AgentWorkspace
  let plan: ApplyPlan
  let staging: Staging
  /// Whether it goes on with what another agent began: then what is done already is no error.
  let isResumed: Bool
  let sourceSide: HeldDirectory
  let targetSide: HeldDirectory
  /// Directories whose permissions and time are set at the end.
  private var touched = Set<TreePath>()

  init(_ workspace: AgentWorkspace, _ plan: ApplyPlan, _ staging: Staging, isResumed: Bool = false) {
    self.workspace = workspace
    self.plan = plan
    self.staging = staging
    self.isResumed = isResumed
    sourceSide = HeldDirectory(sharing: workspace.root)
    targetSide = HeldDirectory(sharing: workspace.root)
  }

  /// Stages, commits and carries out. Blocks. Returns the managed list, and the paths under which things were saved.
  func run(_ journal: Journal, isFromManaged: Bool) throws -> (list: Snapshot, savedAside: [String]) {
    try stage()
    let reserve = try Reserve(staging, for: plan)
    let savedName = plan.savedAside.isEmpty ? "" : try newSavedName()
    try journal.commit(plan, savedName: savedName, isFromManaged: isFromManaged)
    _ = rb_sync_filesystem(workspace.root.descriptor)
    reserve.release()
    return try carryOut(savedName: savedName)
  }

  /// Goes on with what was committed.
  func carryOut(savedName: String) throws -> (list: Snapshot, savedAside: [String]) {
    try collectTouched()
    try openUp()
    let saved = try saveAside(savedName)
    if plan.has.moves { try moveAway() }
    try forEachPut { entry, source, index in try self.put(entry, source, index) }
    forget()
    if plan.has.removals { try remove() }
    try settleDirectories()
    let list = try verify(like: plan.target.summary)
    staging.remove()
    try Journal.standing(workspace)?.remove()
    return (list, saved)
  }

  func forget() {
    sourceSide.forget()
    targetSide.forget()
  }

  private func forEachPut(_ body: (TreeEntry, Operation.Source, Int) throws -> Void) throws {
    var cursor = plan.steps.cursor()
    var index = 0
    while let step = try cursor.next() {
      defer { index += 1 }
      if case .put(let entry, let source) = step { try body(entry, source, index) }
    }
  }

  // MARK: - Staging

  private func stage() throws {
    try forEachPut { entry, source, index in
      let name = Staging.step(index)
      switch (entry.kind, source) {
      case (.symlink(let target), _):
        try Disk.remove(staging.descriptor, name, "staging")
        let result = Disk.withPath(target) { target in
          Disk.withPath(name) { symlinkat(target, staging.descriptor, $0) }
        }
        guard result == 0 else { throw SyncError.last("make the link", entry.path.description) }
        try Disk.setModified(staging.descriptor, name, entry.modified, entry.path.description)
      case (.file, .copied(let source)):
        try staging.copy(try sourceSide.parent(of: source), source.name, to: name, for: entry)
      case (.file(let content), .same):
        try staging.copy(staging.descriptor, Staging.content(content.digest), to: name, for: entry)
      case (.directory, .stays): try stageDirectory(entry, name)
      default: break
      }
    }
  }

  /// A directory takes an inode, and so is made before anything is moved: the disk may have no more of them.
  private func stageDirectory(_ entry: TreeEntry, _ name: [UInt8]) throws {
    try Disk.remove(staging.descriptor, name, "staging")
    if try sourceSide.stamp(entry.path)?.kind == .directory { return }
    guard Disk.withPath(name, { mkdirat(staging.descriptor, $0, 0o700) }) == 0 else {
      throw SyncError.last("make the directory", entry.path.description)
    }
  }

  private func collectTouched() throws {
    var cursor = plan.steps.cursor()
    while let step = try cursor.next() {
      let parent = step.path.parent
      if !parent.isEmpty { touched.insert(TreePath(unchecked: parent)) }
      if case .put(let entry, _) = step, entry.isDirectory { touched.insert(entry.path) }
    }
  }

  /// Directories that their owner may not write to are opened for the time of the push.
  private func openUp() throws {
    for path in touched.sorted() { try openUp(path) }
    let saved = plan.savedAside
    guard plan.has.removals || plan.has.moves || plan.has.clearings || !saved.isEmpty else { return }
    // A directory that goes is emptied first, and one that is moved has a new `..`.
    var changes = Changes(plan.before, plan.steps)
    while let change = try changes.next() {
      switch change {
      case .remove(let item), .clear(let item), .forget(let item), .moveAway(let item, _), .put(_, _, let item?):
        if item.entry.isDirectory, item.entry.permissions & 0o700 != 0o700 { try openUp(item.entry.path) }
      case .keep, .put, .moveAlong: break
      }
    }
    for path in saved { try openUp(path) }
  }

  private func openUp(_ path: TreePath) throws {
    guard let stamp = try sourceSide.stamp(path), stamp.kind == .directory, stamp.permissions & 0o700 != 0o700 else {
      return
    }
    let directory = try workspace.root.openDirectory(path.bytes)
    defer { close(directory) }
    guard fchmod(directory, mode_t(stamp.permissions | 0o700)) == 0 else {
      throw SyncError.last("write to", path.description)
    }
    forget()
  }

  // MARK: - Saving aside

  private func newSavedName() throws -> String {
    let saved = try workspace.openState("saved")
    defer { close(saved) }
    let time = Clock.name(FileStamp.now() / 1_000_000_000)
    var name = time
    var number = 2
    while try Disk.stamp(saved, Array(name.utf8)) != nil {
      name = "\(time)-\(number)"
      number += 1
    }
    return name
  }

  private func saveAside(_ name: String) throws -> [String] {
    guard !plan.savedAside.isEmpty else { return [] }
    let saved = try workspace.openState("saved")
    defer { close(saved) }
    guard mkdirat(saved, name, 0o755) == 0 || isResumed && errno == EEXIST else {
      throw SyncError.last("make", "\(workspace.path)/.remote-build/saved/\(name)")
    }
    let top = HeldDirectory(try Disk.open(saved, Array(name.utf8), O_RDONLY | O_DIRECTORY, path: "saved/\(name)"))
    let inodes = try isResumed ? inodes(of: Set(plan.savedAside)) : [:]
    return try plan.savedAside.compactMap { path in
      if isResumed {
        // What stands there now may be what the push brought.
        guard let stamp = try sourceSide.stamp(path) else { return nil }
        if let inode = inodes[path], inode != stamp.inode { return nil }
        if try top.stamp(path) != nil { return nil }
      }
      var made: [UInt8] = []
      for part in path.parent.split(separator: TreePath.slash) {
        let child = TreePath(unchecked: made).appending(Array(part))
        let parent = try top.parent(of: child)
        guard Disk.withPath(child.name, { mkdirat(parent, $0, 0o755) }) == 0 || errno == EEXIST else {
          throw SyncError.last("save aside", path.description)
        }
        made = child.bytes
      }
      try Disk.rename(try sourceSide.parent(of: path), path.name, try top.parent(of: path), path.name, path.description)
      return ".remote-build/saved/\(name)/\(path)"
    }
  }

  private func inodes(of paths: Set<TreePath>) throws -> [TreePath: UInt64] {
    var inodes: [TreePath: UInt64] = [:]
    try plan.before.visit { item in
      if paths.contains(item.entry.path), let stamp = item.stamp { inodes[item.entry.path] = stamp.inode }
    }
    return inodes
  }

  // MARK: - Removing

  private func remove() throws {
    let saved = Set(plan.savedAside)
    let left = Set(plan.leftBehind)
    var open: [TreePath] = []
    var changes = Changes(plan.before, plan.steps)
    while let change = try changes.next() {
      let item: StampedEntry
      switch change {
      case .remove(let removed), .forget(let removed): item = removed
      case .keep, .put, .clear, .moveAway, .moveAlong: continue
      }
      let path = item.entry.path
      while let last = open.last, !path.isBelow(last) { try removeDirectory(open.removeLast()) }
      if saved.contains(path) || left.contains(path) { continue }
      if item.entry.isDirectory {
        open.append(path)
        continue
      }
      guard let stamp = try sourceSide.stamp(path), !isResumed || stamp.inode == item.stamp?.inode else { continue }
      let parent = try sourceSide.parent(of: path)
      guard Disk.withPath(path.name, { unlinkat(parent, $0, 0) }) == 0 || errno == ENOENT else {
        throw SyncError.last("delete", path.description)
      }
    }
    while let last = open.popLast() { try removeDirectory(last) }
    forget()
  }

  private func removeDirectory(_ path: TreePath) throws {
    forget()
    guard try sourceSide.stamp(path)?.kind == .directory else { return }
    let parent = try sourceSide.parent(of: path)
    guard Disk.withPath(path.name, { unlinkat(parent, $0, AT_REMOVEDIR) }) != 0 else { return }
    // A directory in which the host has files of its own stays, and is the host's from now on.
    guard [ENOTEMPTY, EEXIST, ENOENT].contains(errno) else { throw SyncError.last("delete", path.description) }
  }

  // MARK: - The end

  private func settleDirectories() throws {
    var directories: [TreeEntry] = []
    try plan.target.visit { item in
      if item.entry.isDirectory, touched.contains(item.entry.path) { directories.append(item.entry) }
    }
    for entry in directories.reversed() {
      let directory = try workspace.root.openDirectory(entry.path.bytes)
      defer { close(directory) }
      try Staging.settle(directory, entry)
    }
  }

  /// The managed list, with what stands on the disk by its own `lstat` for all that was touched; throws unless that is
  /// the target.
  /// - Parameter known: the target's summary, so that nothing is hashed again; without it the list is what stands, though
  ///   it be another tree.
  private func verify(like known: Snapshot.Summary?) throws -> Snapshot {
    let now = FileStamp.now()
    let writer = try workspace.managedWriter(like: known)
    var different: [String] = []
    try plan.target.visit { item in
      var standing = item
      standing.mark = .none
      if item.mark == .touched {
        guard let stamp = try targetSide.stamp(item.entry.path), stamp.matches(item.entry) else {
          throw Refusal.digestMismatch.failure(
            "\(item.entry.path) is not on the host's disk as it was pushed: something there changes it, or the "
              + "filesystem cannot hold it", details: ["paths": [item.entry.path.description]])
        }
        if stamp.permissions != item.entry.permissions { different.append(item.entry.path.description) }
        standing.entry.permissions = stamp.permissions
        standing.stamp = stamp
      }
      if let stamp = standing.stamp, stamp.kind == .file, !stamp.isSettled(at: now) { standing.stamp = nil }
      try writer.append(standing)
    }
    if !different.isEmpty && known != nil { return try verify(like: nil) }
    let list = try writer.finish(takenAt: now)
    guard list.digest == plan.target.digest else {
      throw Refusal.digestMismatch.failure(
        "the host's filesystem did not keep the permissions of \(different.prefix(5).joined(separator: ", ")). The files "
          + "are in place; use a filesystem with Unix permissions", details: ["paths": Array(different.prefix(1000))])
    }
    return list
  }
}

extension FileStamp {
  /// Whether a path with this stamp can be `entry`, as far as a stamp tells.
  func matches(_ entry: TreeEntry) -> Bool {
    switch entry.kind {
    case .directory: kind == .directory
    case .symlink: kind == .symlink
    case .file(let content): kind == .file && size == Int64(content.size)
    }
  }
}
