// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import SystemPackage
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Reads a workspace into a ``Scan``.
public struct WorkspaceScanner: Sendable {
  private let root: FilePath
  private let contexts: [ImageContext]
  private let cacheFile: FilePath?

  /// - Parameters:
  ///   - root: the workspace's directory.
  ///   - contexts: the images' contexts; with none, the whole workspace by its own `.dockerignore`.
  ///   - cacheFile: where the stat cache lives; its directory must exist. `nil`: everything is read.
  public init(root: FilePath, contexts: [ImageContext], cacheFile: FilePath?) {
    self.root = root
    self.contexts = contexts
    self.cacheFile = cacheFile
  }

  /// Walks the workspace and reads what changed since the stat cache was written.
  ///
  /// Throws ``SyncError``: `unreadable` for a directory or file that cannot be read, `badPattern`, `badContext`, `io`.
  /// Files that vanish meanwhile, and sockets and devices, are warnings.
  public func scan() async throws -> Scan {
    try await Threads.run { try scanNow() }
  }

  private func scanNow() throws -> Scan {
    let top = open(root.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard top >= 0 else { throw unreadable(SyncError.last("read the workspace", root.string)) }
    defer { close(top) }
    let started = FileStamp.now()
    let cache = loadCache()
    var walk = Walk(selection: try selection(top), root: root)
    try walk.visit(top, TreePath(unchecked: []), walk.selection.root)

    let found = walk.found
    let settled = try found.map { item -> TreeEntry? in
      switch item.stamp.kind {
      case .directory, .symlink: item.entry(item.stamp.kind == .directory ? .directory : .symlink(item.target))
      case .file: cache.entry(item.path, stamp: item.stamp)
      case .other: throw SyncError(.io, "unexpected kind of file: \(item.path)", path: item.path.description)
      }
    }
    let pending = settled.indices.filter { settled[$0] == nil }
    let collected = Mutex<[Int: Reading]>([:])
    try Threads.forEach(pending.count) { index in
      let item = found[pending[index]]
      let reading = try read(item, top)
      collected.withLock { $0[pending[index]] = reading }
    }
    let readings = collected.withLock { $0 }

    var entries: [TreeEntry] = []
    var stamps: [FileStamp?] = []
    var bytesHashed: UInt64 = 0
    var filesHashed = 0
    for (index, item) in found.enumerated() {
      if let entry = settled[index] {
        entries.append(entry)
        stamps.append(item.stamp)
        continue
      }
      switch readings[index] {
      case .read(let content, let stamp, let isStable):
        entries.append(
          TreeEntry(path: item.path, kind: .file(content), permissions: stamp.permissions, modified: stamp.modified))
        stamps.append(isStable ? stamp : nil)
        filesHashed += 1
        bytesHashed += content.size
        if !isStable { walk.warnings.append("\(item.path) changed twice while it was read; it may change again") }
      case .vanished, nil:
        walk.warnings.append("\(item.path) vanished while the workspace was read; it is left out")
      }
    }
    let tree = try Tree(checking: entries)
    let stamped = StampedTree(tree: tree, stamps: stamps, takenAt: started)
    saveCache(stamped, warnings: &walk.warnings)
    var digests: [String: Digest] = [:]
    for context in contexts {
      let subtree = try tree.subtree(context) { try ignoreFile(top, $0) }
      guard let dockerfile = try? TreePath(IgnoreFile.cleaned(Array(context.dockerfile.utf8))),
        subtree[dockerfile] != nil
      else {
        throw SyncError(
          .badContext, "image \(context.image): there is no Dockerfile \(context.dockerfile) in \(root)",
          path: context.dockerfile)
      }
      digests[context.image] = subtree.digest
    }
    return Scan(
      tree: tree, treeDigest: tree.digest, contextDigests: digests, warnings: walk.warnings, filesHashed: filesHashed,
      bytesHashed: ByteCount(bytesHashed))
  }

  private func selection(_ top: Int32) throws -> ManagedSelection {
    let subtracting = try ignoreFile(top, TreePath(".remoteignore")).map { IgnoreFile($0).patterns } ?? []
    var selections = try contexts.map { try ContextSelection($0) { try ignoreFile(top, $0) } }
    if selections.isEmpty {
      let path = try TreePath(".dockerignore")
      let contents = try ignoreFile(top, path)
      selections = [
        try ContextSelection(
          directory: [], patterns: contents.map { IgnoreFile($0).patterns } ?? [],
          always: contents == nil ? [] : [path.bytes])
      ]
    }
    return ManagedSelection(contexts: selections, subtracting: try PatternMatcher(subtracting))
  }

  /// An ignore file's bytes; Docker's own reader follows links here, but a link may lead out of the workspace.
  private func ignoreFile(_ top: Int32, _ path: TreePath) throws -> [UInt8]? {
    guard let parent = try openParent(top, path) else { return nil }
    defer { close(parent) }
    guard try Disk.stamp(parent, path.name)?.kind == .file else { return nil }
    return try Disk.contents(parent, path.name, limit: 4 << 20, "\(root)/\(path)")
  }

  /// `nil` where a directory on the way is missing.
  private func openParent(_ top: Int32, _ path: TreePath) throws -> Int32? {
    var directory = try Disk.open(top, [TreePath.dot], O_RDONLY | O_DIRECTORY, path: root.string)
    for part in path.parent.split(separator: TreePath.slash) {
      let outer = directory
      defer { close(outer) }
      do {
        directory = try Disk.open(outer, Array(part), O_RDONLY | O_DIRECTORY, path: "\(root)/\(path)")
      } catch let error as SyncError where [ENOENT, ENOTDIR, ELOOP].contains(error.systemError) {
        return nil
      }
    }
    return directory
  }

  private func unreadable(_ error: SyncError) -> SyncError {
    SyncError(
      .unreadable,
      "\(error.message). Nothing was sent and nothing on the host was touched. Make it readable, or name it "
        + "in .dockerignore or .remoteignore", path: error.path, systemError: error.systemError)
  }

  private enum Reading: Sendable {
    case read(Content, FileStamp, isStable: Bool)
    case vanished
  }

  /// Reads a file, and once more if it changed meanwhile.
  private func read(_ item: Walk.Item, _ top: Int32) throws -> Reading {
    let path = "\(root)/\(item.path)"
    let file: Int32
    do {
      guard let parent = try openParent(top, item.path) else { return .vanished }
      defer { close(parent) }
      file = try Disk.open(parent, item.path.name, O_RDONLY | O_NONBLOCK, path: path)
    } catch let error as SyncError {
      if error.systemError == ENOENT || error.systemError == ELOOP { return .vanished }
      throw unreadable(error)
    }
    defer { close(file) }
    var before = try Disk.stamp(file, named: path)
    guard before.kind == .file else { return .vanished }
    for attempt in 0..<2 {
      guard lseek(file, 0, SEEK_SET) == 0 else { throw SyncError.last("read", path) }
      let content: Content
      do { content = try Disk.content(file, path) } catch let error as SyncError { throw unreadable(error) }
      let after = try Disk.stamp(file, named: path)
      if after == before { return .read(content, after, isStable: true) }
      before = after
      if attempt == 1 { return .read(content, after, isStable: false) }
    }
    return .vanished
  }

  private func loadCache() -> StampedTree {
    guard let cacheFile else { return .empty }
    return StampedTree.load(AT_FDCWD, Array(cacheFile.string.utf8))
  }

  /// A cache that cannot be written costs time, not correctness.
  private func saveCache(_ stamped: StampedTree, warnings: inout [String]) {
    guard let cacheFile else { return }
    do {
      try stamped.save(AT_FDCWD, Array(cacheFile.string.utf8), path: cacheFile.string)
    } catch {
      warnings.append("the stat cache was not written, so the next scan reads everything: \(error)")
    }
  }
}

/// The walk over what is managed; it reads no file.
private struct Walk {
  struct Item: Sendable {
    var path: TreePath
    var stamp: FileStamp
    var target: [UInt8]

    func entry(_ kind: TreeEntry.Kind) -> TreeEntry {
      TreeEntry(path: path, kind: kind, permissions: stamp.permissions, modified: stamp.modified)
    }
  }

  let selection: ManagedSelection
  let root: FilePath
  var found: [Item] = []
  var warnings: [String] = []
  /// Directories on the way down that were not taken yet, since nothing in them was.
  private var waiting: [Item] = []

  init(selection: ManagedSelection, root: FilePath) {
    self.selection = selection
    self.root = root
  }

  mutating func visit(_ directory: Int32, _ path: TreePath, _ place: ManagedSelection.Place) throws {
    let names = try Disk.names(directory, "\(root)/\(path)").sorted { $0.lexicographicallyPrecedes($1) }
    for name in names {
      let child = path.appending(name)
      guard let stamp = try Disk.stamp(directory, name) else {
        warnings.append("\(child) vanished while the workspace was read; it is left out")
        continue
      }
      let (isIncluded, next) = selection.judge(child, isDirectory: stamp.kind == .directory, in: place)
      if !isIncluded && next == nil { continue }
      var item = Item(path: child, stamp: stamp, target: [])
      switch stamp.kind {
      case .other:
        warnings.append("\(child) is a socket, a pipe or a device; it is left out")
        continue
      case .symlink:
        do { item.target = try Disk.target(directory, name, child.description) } catch {
          warnings.append("\(child) vanished while the workspace was read; it is left out")
          continue
        }
      case .file, .directory: break
      }
      if isIncluded {
        found += waiting
        waiting = []
        found.append(item)
      }
      guard stamp.kind == .directory, let next else { continue }
      if !isIncluded { waiting.append(item) }
      try descend(directory, name, child, next)
      if !isIncluded, waiting.last?.path == child { waiting.removeLast() }
    }
  }

  private mutating func descend(
    _ directory: Int32, _ name: [UInt8], _ path: TreePath, _ place: ManagedSelection.Place
  ) throws {
    let inner: Int32
    do {
      inner = try Disk.open(directory, name, O_RDONLY | O_DIRECTORY, path: "\(root)/\(path)")
    } catch let error as SyncError {
      if error.systemError == ENOENT || error.systemError == ENOTDIR || error.systemError == ELOOP {
        warnings.append("\(path) vanished while the workspace was read; what was in it is left out")
        return
      }
      throw SyncError(
        .unreadable,
        "\(error.message). Nothing was sent and nothing on the host was deleted. Make it readable, or "
          + "name it in .dockerignore or .remoteignore", path: error.path, systemError: error.systemError)
    }
    defer { close(inner) }
    try visit(inner, path, place)
  }
}
