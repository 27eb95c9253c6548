// SPDX-License-Identifier: Apache-2.0

internal import CLinux

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A directory held open, and the ways down from it that no symbolic link and no `..` can lead out of.
final class HeldDirectory: @unchecked Sendable {
  // `@unchecked`: the cache is used by one call at a time, which awaits each step on a worker thread.
  let descriptor: Int32
  private let owns: Bool
  private var cached: (path: [UInt8], descriptor: Int32)?

  /// Takes `descriptor` over.
  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    owns = true
  }

  /// The same directory with a cache of its own; must not outlive `other`.
  init(sharing other: HeldDirectory) {
    descriptor = other.descriptor
    owns = false
  }

  deinit {
    forget()
    if owns { close(descriptor) }
  }

  /// The directory that holds `path`, valid until the next call. Throws with `ENOENT`, `ENOTDIR` or `ELOOP` where what
  /// stands on the way is no directory.
  func parent(of path: TreePath) throws -> Int32 {
    let parent = path.parent
    if parent.isEmpty { return descriptor }
    if let cached, cached.path == parent { return cached.descriptor }
    let opened = try openDirectory(parent)
    forget()
    cached = (parent, opened)
    return opened
  }

  /// What stands at `path`; `nil` for nothing, and where something on the way is no directory.
  func stamp(_ path: TreePath) throws -> FileStamp? {
    do {
      return try Disk.stamp(try parent(of: path), path.name)
    } catch let error as SyncError where [ENOENT, ENOTDIR, ELOOP].contains(error.systemError) {
      return nil
    }
  }

  /// Opens a directory below this one; the caller closes it.
  func openDirectory(_ path: [UInt8]) throws -> Int32 {
    if path.isEmpty { return try Disk.open(descriptor, [TreePath.dot], O_RDONLY | O_DIRECTORY, path: ".") }
    if Self.kernelResolves {
      let opened = Disk.withPath(path) { rb_open_beneath(descriptor, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0) }
      guard opened >= 0 else { throw SyncError.last("open", TreePath.text(path)) }
      return opened
    }
    return try openStepwise(path)
  }

  /// For kernels without `openat2`: each part without following links.
  func openStepwise(_ path: [UInt8]) throws -> Int32 {
    var current = try Disk.open(descriptor, [TreePath.dot], O_RDONLY | O_DIRECTORY, path: ".")
    for part in path.split(separator: TreePath.slash) {
      let outer = current
      defer { close(outer) }
      current = try Disk.open(outer, Array(part), O_RDONLY | O_DIRECTORY, path: TreePath.text(path))
    }
    return current
  }

  /// Drops what is cached, after directories were replaced.
  func forget() {
    if let cached { close(cached.descriptor) }
    cached = nil
  }

  /// Whether `openat2` exists, and no sandbox forbids it.
  private static let kernelResolves: Bool = {
    let opened = rb_open_beneath(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY, 0)
    if opened >= 0 { close(opened) }
    return opened >= 0 || errno == EACCES || errno == ENOENT
  }()
}
