// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A directory on the host that holds one image's context, and keeps its files' inodes and change times from build to
/// build, so that the builder recognises what did not change.
struct Slot {
  private let image: Int32
  private let number: Int
  private let path: String

  /// - Parameter image: the directory of the image's slots; the slot's lock is held.
  init(image: Int32, number: Int, path: String) {
    self.image = image
    self.number = number
    self.path = path
  }

  private var list: [UInt8] { Array("\(number).tree".utf8) }
  private var incoming: [UInt8] { Array("\(number).new".utf8) }

  /// Makes the slot hold exactly `wanted`, times included. Files are copied (or cloned), never linked: a push that
  /// comes during the build changes nothing here.
  func fill(_ wanted: Tree, from workspace: HeldDirectory) throws {
    let directory = try Self.open(image, Array("\(number)".utf8), path)
    let root = HeldDirectory(directory)
    let known = StampedTree.load(image, list)
    try Disk.remove(image, incoming, path)
    let staging = try Self.open(image, incoming, path)
    defer {
      close(staging)
      try? Disk.remove(image, incoming, path)
    }
    let before = try ManagedScan(root, recorded: known)
    try removeOthers(directory, TreePath(unchecked: []), wanted)
    let target = HeldDirectory(sharing: root)
    let source = HeldDirectory(sharing: workspace)
    for (index, entry) in wanted.entries.enumerated() {
      if entry.isDirectory {
        try makeDirectory(entry, target)
      } else if !Self.stands(entry, before) {
        try replace(entry, Array("f\(index)".utf8), staging, source, target)
      }
    }
    for entry in wanted.entries.reversed() where entry.isDirectory {
      let opened = try root.openDirectory(entry.path.bytes)
      defer { close(opened) }
      try Staging.settle(opened, entry)
    }
    let stamps = try wanted.entries.map { try target.stamp($0.path) }
    try StampedTree(tree: wanted, stamps: stamps, takenAt: FileStamp.now()).save(image, list, path: path)
  }

  private static func stands(_ entry: TreeEntry, _ before: ManagedScan) -> Bool {
    guard let index = before.tree.index(of: entry.path), let stamp = before.stamps[index] else { return false }
    return before.tree.entries[index].matches(entry) && stamp.modified == entry.modified
  }

  private static func open(_ directory: Int32, _ name: [UInt8], _ path: String) throws -> Int32 {
    guard Disk.withPath(name, { mkdirat(directory, $0, 0o755) }) == 0 || errno == EEXIST else {
      throw SyncError.last("make", path)
    }
    return try Disk.open(directory, name, O_RDONLY | O_DIRECTORY, path: path)
  }

  /// Removes what is not wanted, or is of another kind than what is; and opens up directories that a build closed.
  private func removeOthers(_ directory: Int32, _ prefix: TreePath, _ wanted: Tree) throws {
    for name in try Disk.names(directory, path) {
      let child = prefix.appending(name)
      guard let stamp = try Disk.stamp(directory, name) else { continue }
      guard let entry = wanted[child], Self.isSameKind(entry, stamp) else {
        try Disk.remove(directory, name, child.description)
        continue
      }
      guard entry.isDirectory else { continue }
      let inner = try Disk.open(directory, name, O_RDONLY | O_DIRECTORY, path: child.description)
      defer { close(inner) }
      if stamp.permissions & 0o700 != 0o700, fchmod(inner, mode_t(stamp.permissions | 0o700)) != 0 {
        throw SyncError.last("write to", child.description)
      }
      try removeOthers(inner, child, wanted)
    }
  }

  private static func isSameKind(_ entry: TreeEntry, _ stamp: FileStamp) -> Bool {
    switch (entry.kind, stamp.kind) {
    case (.file, .file), (.directory, .directory), (.symlink, .symlink): true
    default: false
    }
  }

  private func makeDirectory(_ entry: TreeEntry, _ target: HeldDirectory) throws {
    let parent = try target.parent(of: entry.path)
    guard Disk.withPath(entry.path.name, { mkdirat(parent, $0, 0o700) }) == 0 || errno == EEXIST else {
      throw SyncError.last("make the directory", entry.path.description)
    }
  }

  private func replace(
    _ entry: TreeEntry, _ name: [UInt8], _ staging: Int32, _ source: HeldDirectory, _ target: HeldDirectory
  ) throws {
    switch entry.kind {
    case .directory: return
    case .file: try Staging.copy(try source.parent(of: entry.path), entry.path.name, staging, name, entry)
    case .symlink(let link):
      let result = Disk.withPath(link) { link in Disk.withPath(name) { symlinkat(link, staging, $0) } }
      guard result == 0 else { throw SyncError.last("make the link", entry.path.description) }
      try Disk.setModified(staging, name, entry.modified, entry.path.description)
    }
    try Disk.rename(staging, name, try target.parent(of: entry.path), entry.path.name, entry.path.description)
  }
}
