// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The walk over what is managed, in the order of a tree. It reads no file.
struct Walk {
  struct Item: Sendable {
    var path: TreePath
    var stamp: FileStamp
    /// How many names the file has.
    var links: UInt64
    var device: UInt64
    /// A symbolic link's.
    var target: [UInt8]
  }

  let selection: ManagedSelection
  let root: FilePath
  private(set) var warnings: [String] = []
  /// Whether a directory was walked in which nothing was taken: what comes into it shows in no directory of the tree.
  private(set) var wentBeyond = false
  /// Directories on the way down that were not taken yet, since nothing in them was.
  private var waiting: [Item] = []

  init(selection: ManagedSelection, root: FilePath) {
    self.selection = selection
    self.root = root
  }

  /// Calls `take` for all that is managed below a directory that is held open.
  mutating func visit(_ top: Int32, take: (Item) throws -> Void) throws {
    try visit(top, TreePath(unchecked: []), selection.root, take)
  }

  private mutating func visit(
    _ directory: Int32, _ path: TreePath, _ place: ManagedSelection.Place, _ take: (Item) throws -> Void
  ) throws {
    let names: [[UInt8]]
    do {
      names = try Disk.names(directory, "\(root)/\(path)").sorted { $0.lexicographicallyPrecedes($1) }
    } catch let error as SyncError {
      throw error.asUnreadable
    }
    for name in names {
      let child = path.appending(name)
      var status = stat()
      guard Disk.withPath(name, { fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else {
        guard errno == ENOENT || errno == ENOTDIR else {
          throw SyncError.last("look at", "\(root)/\(child)").asUnreadable
        }
        warnings.append("\(child) vanished while the workspace was read; it is left out")
        continue
      }
      let stamp = FileStamp(status)
      let (isIncluded, next) = selection.judge(child, isDirectory: stamp.kind == .directory, in: place)
      if !isIncluded && next == nil { continue }
      var item = Item(
        path: child, stamp: stamp, links: UInt64(status.st_nlink), device: UInt64(status.st_dev), target: [])
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
        for directory in waiting { try take(directory) }
        waiting = []
        try take(item)
      }
      guard stamp.kind == .directory, let next else { continue }
      if !isIncluded { waiting.append(item) }
      try descend(directory, name, child, next, take)
      if !isIncluded, waiting.last?.path == child {
        waiting.removeLast()
        wentBeyond = true
      }
    }
  }

  private mutating func descend(
    _ directory: Int32, _ name: [UInt8], _ path: TreePath, _ place: ManagedSelection.Place,
    _ take: (Item) throws -> Void
  ) throws {
    let inner: Int32
    do {
      inner = try Disk.open(directory, name, O_RDONLY | O_DIRECTORY, path: "\(root)/\(path)")
    } catch let error as SyncError {
      guard [ENOENT, ENOTDIR, ELOOP].contains(error.systemError) else { throw error.asUnreadable }
      warnings.append("\(path) vanished while the workspace was read; what was in it is left out")
      return
    }
    defer { close(inner) }
    try visit(inner, path, place, take)
  }
}
