// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Carries a plan out: what is needed is staged first, then moved into place path by path, deletes last. Until the
/// first move, a failure leaves the old tree whole; after it, each path is old or new.
final class Application: @unchecked Sendable {
  // `@unchecked`: lives inside one call on one worker thread.
  private let workspace: AgentWorkspace
  private let plan: ApplyPlan
  private let staging: Staging
  private let sourceSide: HeldDirectory
  private let targetSide: HeldDirectory
  /// Directories whose permissions and time are set at the end.
  private var touched = Set<TreePath>()
  /// How many paths get each content, and how many of them were not staged yet.
  private var users: [Digest: Int] = [:]
  private var waiting: [Digest: Int] = [:]

  init(_ workspace: AgentWorkspace, _ plan: ApplyPlan, _ staging: Staging) {
    self.workspace = workspace
    self.plan = plan
    self.staging = staging
    sourceSide = HeldDirectory(sharing: workspace.root)
    targetSide = HeldDirectory(sharing: workspace.root)
  }

  /// Blocks. Returns what stands on the disk then, and the paths under which things were saved aside.
  func run() throws -> (tree: StampedTree, savedAside: [String]) {
    var puts: [TreeEntry] = []
    for operation in plan.operations {
      if case .put(let entry) = operation { puts.append(entry) }
      touch(operation.path.parent)
    }
    for entry in puts where entry.isDirectory { touched.insert(entry.path) }
    for entry in puts { if let content = entry.content { users[content.digest, default: 0] += 1 } }
    waiting = users
    for (index, entry) in puts.enumerated() { try stage(entry, index) }

    try openUp()
    let saved = try saveAside()
    try clear()
    for entry in puts where entry.isDirectory { try makeDirectory(entry) }
    for entry in puts {
      if case .moved(let source) = plan.sources[entry.path] { try move(source, entry) }
    }
    for (index, entry) in puts.enumerated() { try place(entry, index) }
    try delete()
    try settleDirectories()
    _ = rb_sync_filesystem(workspace.root.descriptor)
    let stamped = try verify()
    try workspace.record(stamped)
    return (stamped, saved)
  }

  private func touch(_ directory: [UInt8]) {
    if !directory.isEmpty { touched.insert(TreePath(unchecked: directory)) }
  }

  private func name(_ index: Int) -> [UInt8] { Array("f\(index)".utf8) }

  /// A received file that one path alone needs is settled for it already, and goes there under its first name.
  private func isDirect(_ entry: TreeEntry) -> Bool {
    guard let content = entry.content else { return false }
    return plan.sources[entry.path] == .received && users[content.digest] == 1
  }

  /// Makes, beside the workspace, what `place` will move into it.
  private func stage(_ entry: TreeEntry, _ index: Int) throws {
    switch (entry.kind, plan.sources[entry.path]) {
    case (.symlink(let target), _):
      if plan.before.tree[entry.path]?.kind == entry.kind { return }
      let result = Disk.withPath(target) { target in
        Disk.withPath(name(index)) { symlinkat(target, staging.descriptor, $0) }
      }
      guard result == 0 else { throw SyncError.last("make the link", entry.path.description) }
      try Disk.setModified(staging.descriptor, name(index), entry.modified, entry.path.description)
    case (.file, .copied(let source)):
      try staging.copy(try sourceSide.parent(of: source), source.name, to: name(index), for: entry)
    case (.file(let content), .received):
      if isDirect(entry) { return }
      let received = Staging.name(content.digest)
      waiting[content.digest, default: 1] -= 1
      if waiting[content.digest] ?? 0 > 0 {
        try staging.copy(staging.descriptor, received, to: name(index), for: entry)
      } else {
        // The file that was received goes to the last path that needs it, whose own permissions it may lack.
        let file = try Disk.open(staging.descriptor, received, O_RDONLY | O_NONBLOCK, path: entry.path.description)
        defer { close(file) }
        try Staging.settle(file, entry)
        try Disk.rename(staging.descriptor, received, staging.descriptor, name(index), entry.path.description)
      }
    default: break
    }
  }

  /// Directories that their owner may not write to are opened for the time of the push.
  private func openUp() throws {
    for path in touched.sorted() {
      guard let entry = plan.before.tree[path], entry.isDirectory, entry.permissions & 0o700 != 0o700 else { continue }
      let directory = try workspace.root.openDirectory(path.bytes)
      defer { close(directory) }
      guard fchmod(directory, mode_t(entry.permissions | 0o700)) == 0 else {
        throw SyncError.last("write to", path.description)
      }
    }
  }

  private func saveAside() throws -> [String] {
    guard !plan.savedAside.isEmpty else { return [] }
    let saved = try workspace.openState("saved")
    defer { close(saved) }
    let time = Clock.name(FileStamp.now() / 1_000_000_000)
    var name = time
    var number = 2
    while mkdirat(saved, name, 0o755) != 0 {
      guard errno == EEXIST else { throw SyncError.last("make", "\(workspace.path)/.remote-build/saved/\(name)") }
      name = "\(time)-\(number)"
      number += 1
    }
    let batch = try Disk.open(saved, Array(name.utf8), O_RDONLY | O_DIRECTORY, path: "saved/\(name)")
    let top = HeldDirectory(batch)
    return try plan.savedAside.map { path in
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

  /// Removes what is of another kind than what comes in its place, managed path by managed path: what came there since
  /// the plan was made stops the push.
  private func clear() throws {
    for path in plan.cleared {
      guard let first = plan.before.tree.index(of: path) else { continue }
      let entries = plan.before.tree.entries[first...].prefix { $0.path == path || $0.path.isBelow(path) }
      for entry in entries.reversed() where try sourceSide.stamp(entry.path) != nil {
        let parent = try sourceSide.parent(of: entry.path)
        let result = Disk.withPath(entry.path.name) { unlinkat(parent, $0, entry.isDirectory ? AT_REMOVEDIR : 0) }
        guard result == 0 else { throw SyncError.last("make way at", entry.path.description) }
      }
    }
    forget()
  }

  private func forget() {
    sourceSide.forget()
    targetSide.forget()
  }

  private func makeDirectory(_ entry: TreeEntry) throws {
    let parent = try targetSide.parent(of: entry.path)
    if Disk.withPath(entry.path.name, { mkdirat(parent, $0, 0o700) }) == 0 { return }
    let failure = errno
    guard failure == EEXIST, try Disk.stamp(parent, entry.path.name)?.kind == .directory else {
      throw SyncError.number(failure, "make the directory", entry.path.description)
    }
  }

  private func move(_ source: TreePath, _ entry: TreeEntry) throws {
    let from = try sourceSide.parent(of: source)
    let scanned = plan.before.tree.index(of: source).flatMap { plan.before.stamps[$0] }
    guard let now = try Disk.stamp(from, source.name), now == scanned else {
      throw Refusal.treeChanged.failure(
        "\(source) changed on the host during the push. Some paths are new already, the others old; run the same "
          + "command again", details: ["paths": [source.description]])
    }
    let target = try targetSide.parent(of: entry.path)
    try Disk.rename(from, source.name, target, entry.path.name, entry.path.description)
    try settleInPlace(entry)
  }

  /// Permissions and time of a file that stands in its place already.
  private func settleInPlace(_ entry: TreeEntry) throws {
    let parent = try targetSide.parent(of: entry.path)
    let path = entry.path.description
    let file: Int32
    do {
      file = try Disk.open(parent, entry.path.name, O_RDONLY | O_NONBLOCK, path: path)
    } catch {
      file = try Disk.open(parent, entry.path.name, O_WRONLY | O_NONBLOCK, path: path)
    }
    defer { close(file) }
    try Staging.settle(file, entry)
  }

  private func place(_ entry: TreeEntry, _ index: Int) throws {
    switch (entry.kind, plan.sources[entry.path]) {
    case (.directory, _), (_, .moved): break
    case (.file, .stays): try settleInPlace(entry)
    case (.symlink, _) where plan.before.tree[entry.path]?.kind == entry.kind:
      try Disk.setModified(
        try targetSide.parent(of: entry.path), entry.path.name, entry.modified, entry.path.description)
    default:
      let parent = try targetSide.parent(of: entry.path)
      let staged = isDirect(entry) ? entry.content.map { Staging.name($0.digest) } ?? name(index) : name(index)
      try Disk.rename(staging.descriptor, staged, parent, entry.path.name, entry.path.description)
    }
  }

  private func delete() throws {
    forget()
    let saved = Set(plan.savedAside)
    let moved = Set(plan.sources.values.compactMap { if case .moved(let path) = $0 { path } else { nil } })
    for operation in plan.operations.reversed() {
      if case .put = operation { continue }
      let path = operation.path
      if saved.contains(path) || moved.contains(path) || plan.leftBehind.contains(path) { continue }
      guard let entry = plan.before.tree[path], try sourceSide.stamp(path) != nil else { continue }
      let parent = try sourceSide.parent(of: path)
      let flags = entry.isDirectory ? AT_REMOVEDIR : 0
      if Disk.withPath(path.name, { unlinkat(parent, $0, flags) }) != 0 {
        // A directory in which the host has files of its own stays, and is the host's from now on.
        let isKept = entry.isDirectory && (errno == ENOTEMPTY || errno == EEXIST)
        guard isKept || errno == ENOENT else { throw SyncError.last("delete", path.description) }
      }
    }
    forget()
  }

  private func settleDirectories() throws {
    for path in touched.sorted().reversed() {
      guard let entry = plan.target[path], entry.isDirectory else { continue }
      let directory = try workspace.root.openDirectory(path.bytes)
      defer { close(directory) }
      try Staging.settle(directory, entry)
    }
  }

  /// What stands on the disk, from its own `lstat` for all that was touched; throws unless that is the target.
  private func verify() throws -> StampedTree {
    let now = FileStamp.now()
    var changed = touched
    for operation in plan.operations { changed.insert(operation.path) }
    var entries: [TreeEntry] = []
    var stamps: [FileStamp?] = []
    for entry in plan.target.entries {
      guard changed.contains(entry.path) else {
        let index = plan.before.tree.index(of: entry.path)
        entries.append(entry)
        stamps.append(index.flatMap { plan.before.stamps[$0] })
        continue
      }
      var standing = entry
      guard let stamp = try targetSide.stamp(entry.path), stamp.matches(entry) else {
        throw Refusal.digestMismatch.failure(
          "\(entry.path) is not on the host's disk as it was pushed: something there changes it, or the filesystem "
            + "cannot hold it", details: ["paths": [entry.path.description]])
      }
      standing.permissions = stamp.permissions
      entries.append(standing)
      stamps.append(stamp)
    }
    let tree = try Tree(checking: entries)
    let standing = tree.digest
    guard standing == plan.target.digest else {
      let different = zip(entries, plan.target.entries).filter { !$0.matches($1) }.map(\.0.path.description)
      throw Refusal.digestMismatch.failure(
        "the host's filesystem did not keep the permissions of \(different.prefix(5).joined(separator: ", ")). The files "
          + "are in place; use a filesystem with Unix permissions", details: ["paths": different])
    }
    return StampedTree(tree: tree, stamps: stamps, takenAt: now)
  }
}

extension FileStamp {
  /// Whether a path with this stamp can be `entry`, as far as a stamp tells.
  fileprivate func matches(_ entry: TreeEntry) -> Bool {
    switch entry.kind {
    case .directory: kind == .directory
    case .symlink: kind == .symlink
    case .file(let content): kind == .file && size == Int64(content.size)
    }
  }
}
