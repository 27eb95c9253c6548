// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

/// What a push will do to a workspace, settled before anything is changed.
struct ApplyPlan: Sendable {
  /// How a file comes to its content.
  enum Source: Hashable, Sendable {
    /// The content stands there already; permissions or time change.
    case stays
    /// It arrives from the client.
    case received
    /// Another managed path of the host has it, and is deleted by this push: that file is moved.
    case moved(TreePath)
    /// Another managed path of the host has it.
    case copied(TreePath)
  }

  let before: ManagedScan
  let target: Tree
  let operations: [Operation]
  /// For each put file.
  let sources: [TreePath: Source]
  /// Entries whose content the client must send, one for each content.
  let needed: [TreeEntry]
  /// Paths to move to `.remote-build/saved` first: edited on the host, or adopted.
  let savedAside: [TreePath]
  /// Paths that are not managed any more but stay, since they were edited on the host.
  let leftBehind: Set<TreePath>
  /// Paths where a directory makes way for something else, or something else for a directory.
  let cleared: [TreePath]

  /// Checks operations against what stands on the disk. Blocks.
  /// - Parameter recorded: what was pushed last.
  /// - Parameter root: `nil` where there is no workspace yet.
  /// - Throws: ``Refusal/inTheWay``, ``Refusal/massDelete``, and ``SyncError`` with `badTree`.
  init(
    _ operations: [Operation], before: ManagedScan, recorded: Tree, root: HeldDirectory?, adopt: Bool,
    allowMassDelete: Bool
  ) throws {
    self.before = before
    self.operations = operations
    target = try before.tree.applying(operations)
    if !allowMassDelete { try Self.guardAgainstMassDelete(operations, before.tree, target) }

    var saved: [TreePath] = []
    var left = Set<TreePath>()
    var cleared: [TreePath] = []
    var inTheWay: [TreePath] = []
    for operation in operations {
      let path = operation.path
      switch operation {
      case .delete: if before.edited.contains(path) { saved.append(path) }
      case .forget: if before.edited.contains(path) { left.insert(path) }
      case .put(let entry):
        // What lies below something that goes away with it needs no look of its own.
        if let last = saved.last, path.isBelow(last) { continue }
        guard let root, let stamp = try root.stamp(path) else { continue }
        if recorded[path] == nil {
          if try Self.isSame(entry, stamp, root) { continue }
          if adopt { saved.append(path) } else { inTheWay.append(path) }
        } else if before.edited.contains(path) {
          if try !Self.isSame(entry, stamp, root) { saved.append(path) }
        } else if (stamp.kind == .directory) != entry.isDirectory {
          cleared.append(path)
          if stamp.kind == .directory {
            let strangers = try Self.strangers(root, path, before.tree)
            if adopt { saved += strangers } else { inTheWay += strangers }
          }
        }
      }
    }
    guard inTheWay.isEmpty else { throw Self.inTheWay(inTheWay) }
    // Where a directory makes way, nothing in it can be left behind.
    let homeless = left.filter { path in cleared.contains { path.isBelow($0) } }
    saved += homeless.sorted()
    left.subtract(homeless)
    savedAside = saved
    leftBehind = left
    self.cleared = cleared
    (sources, needed) = Self.sources(operations, before, except: Set(saved), cleared)
  }

  /// Whether what stands there, unmanaged, is what is to be there.
  private static func isSame(_ entry: TreeEntry, _ stamp: FileStamp, _ root: HeldDirectory) throws -> Bool {
    switch (entry.kind, stamp.kind) {
    case (.directory, .directory): return true
    case (.symlink(let target), .symlink):
      return try Disk.target(try root.parent(of: entry.path), entry.path.name, entry.path.description) == target
    case (.file(let content), .file):
      return try stamp.size == Int64(content.size) && ManagedScan.content(root, entry.path) == content
    default: return false
    }
  }

  /// What nobody pushed in a directory that is to make way.
  private static func strangers(_ root: HeldDirectory, _ path: TreePath, _ tree: Tree) throws -> [TreePath] {
    let directory = try root.openDirectory(path.bytes)
    defer { Disk.close(directory) }
    var strangers: [TreePath] = []
    for name in try Disk.names(directory, path.description).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let child = path.appending(name)
      guard let entry = tree[child] else {
        strangers.append(child)
        continue
      }
      if entry.isDirectory { strangers += try Self.strangers(root, child, tree) }
    }
    return strangers
  }

  private static func inTheWay(_ paths: [TreePath]) -> any Error {
    let shown = paths.prefix(5).map(\.description).joined(separator: ", ")
    let more = paths.count > 5 ? " and \(paths.count - 5) more" : ""
    return Refusal.inTheWay.failure(
      "on the host, what was never pushed is in the way: \(shown)\(more). Nothing was changed. Move it away, or run the "
        + "same command again with --adopt, which saves it aside",
      details: ["paths": paths.prefix(1000).map(\.description)])
  }

  private static func guardAgainstMassDelete(_ operations: [Operation], _ before: Tree, _ target: Tree) throws {
    let standing = before.entries.count { !$0.isDirectory }
    guard standing > 0 else { return }
    var kept = Set<Digest>()
    var remaining = 0
    for entry in target.entries where !entry.isDirectory {
      remaining += 1
      if let content = entry.content { kept.insert(content.digest) }
    }
    // What only changes its name is not lost.
    let lost = operations.count { operation in
      if case .put = operation { return false }
      guard let entry = before[operation.path], !entry.isDirectory else { return false }
      return entry.content.map { !kept.contains($0.digest) } ?? true
    }
    guard remaining == 0 || standing > 100 && lost * 2 > standing else { return }
    throw Refusal.massDelete.failure(
      "this push would delete \(remaining == 0 ? "all \(standing)" : "\(lost) of \(standing)") files of the host's copy. "
        + "Nothing was changed. If that is meant, run the same command again with --allow-mass-delete",
      details: ["files": ["\(standing)"], "deleted": ["\(lost)"]])
  }

  private static func sources(
    _ operations: [Operation], _ before: ManagedScan, except saved: Set<TreePath>, _ cleared: [TreePath]
  ) -> ([TreePath: Source], [TreeEntry]) {
    var standing: [Digest: TreePath] = [:]
    for entry in before.tree.entries {
      if let content = entry.content, standing[content.digest] == nil { standing[content.digest] = entry.path }
    }
    var movable: [Digest: [TreePath]] = [:]
    for operation in operations {
      guard case .delete(let path) = operation, !before.edited.contains(path) else { continue }
      guard let content = before.tree[path]?.content, !cleared.contains(where: { path.isBelow($0) }) else { continue }
      movable[content.digest, default: []].append(path)
    }
    var sources: [TreePath: Source] = [:]
    var needed: [TreeEntry] = []
    var awaited = Set<Digest>()
    for operation in operations {
      guard case .put(let entry) = operation, let content = entry.content else { continue }
      if before.tree[entry.path]?.content == content && !saved.contains(entry.path) {
        sources[entry.path] = .stays
      } else if let source = movable[content.digest]?.popLast() {
        sources[entry.path] = .moved(source)
      } else if let source = standing[content.digest] {
        sources[entry.path] = .copied(source)
      } else {
        sources[entry.path] = .received
        if awaited.insert(content.digest).inserted { needed.append(entry) }
      }
    }
    return (sources, needed)
  }
}
