// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What `lstat` says of a file that changes when the file does: while it stays, the file is not read again.
struct FileStamp: Hashable, Sendable {
  var size: Int64
  /// Nanoseconds since 1970.
  var modified: Int64
  /// Nanoseconds since 1970; no program can set it at will.
  var changed: Int64
  var inode: UInt64
  var mode: UInt32

  /// A file modified so shortly before it was looked at may change again without a new time: Git's "racily clean".
  static let racy: Int64 = 2_000_000_000

  init(size: Int64, modified: Int64, changed: Int64, inode: UInt64, mode: UInt32) {
    self.size = size
    self.modified = modified
    self.changed = changed
    self.inode = inode
    self.mode = mode
  }

  init(_ status: stat) {
    size = Int64(status.st_size)
    #if canImport(Glibc)
      modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
      changed = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
    #else
      modified = Int64(status.st_mtimespec.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtimespec.tv_nsec)
      changed = Int64(status.st_ctimespec.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctimespec.tv_nsec)
    #endif
    inode = UInt64(status.st_ino)
    mode = UInt32(status.st_mode)
  }

  enum Kind { case file, directory, symlink, other }

  var kind: Kind {
    switch mode & UInt32(S_IFMT) {
    case UInt32(S_IFREG): .file
    case UInt32(S_IFDIR): .directory
    case UInt32(S_IFLNK): .symlink
    default: .other
    }
  }

  var permissions: UInt16 { kind == .symlink ? 0o777 : UInt16(mode & 0o7777) }

  /// Whether a digest taken at `now` may be believed later by this stamp alone.
  func isSettled(at now: Int64) -> Bool {
    // A directory's modification time may be set back; that something came into it shows in its change time.
    (kind == .directory ? changed : modified) < now - Self.racy
  }

  /// Whether both describe the same state of the same file. A directory's size and ctime change with what is in it.
  func isSame(as other: FileStamp) -> Bool {
    kind == .directory ? mode == other.mode : self == other
  }

  /// The clock, in nanoseconds since 1970.
  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
