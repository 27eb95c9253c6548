// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Directories that live as long as one process: their names say whose they are, so that whoever comes later can tell
/// what was left behind by one that was killed.
enum PassingDirectory {
  /// A directory for sockets and configuration, private and empty.
  static func make(_ id: String, _ environment: HostEnvironment) throws -> FilePath {
    var base = temporaryBase
    // A socket's path has room for 108 bytes.
    if let runtime = environment.directory("XDG_RUNTIME_DIR"), SmallFile.exists(runtime), runtime.string.utf8.count < 30
    {
      base = runtime.appending("remote-build")
    }
    return try make(id, in: base)
  }

  /// The same on a tmpfs, for what must never reach a disk. Throws ``JobFailure/noMemoryFilesystem``.
  static func makeInMemory(_ id: String, _ environment: HostEnvironment) throws -> FilePath {
    if let runtime = environment.directory("XDG_RUNTIME_DIR"), isInMemory(runtime) {
      return try make(id, in: runtime.appending("remote-build"))
    }
    guard isInMemory(sharedMemory.removingLastComponent()) else {
      throw ServiceFailure(
        .noMemoryFilesystem,
        "neither XDG_RUNTIME_DIR nor /dev/shm is a tmpfs on this host, and secrets are not written to a disk")
    }
    return try make(id, in: sharedMemory)
  }

  /// Removes what processes that have ended left behind.
  static func sweep(_ environment: HostEnvironment) {
    for base in bases(environment) {
      for name in (try? SmallFile.names(in: base)) ?? [] where isLeftBehind(name) {
        SmallFile.removeTree(base.appending(name))
      }
    }
  }

  /// Where such directories are made, as far as they are this user's own.
  static func bases(_ environment: HostEnvironment) -> [FilePath] {
    let runtime = environment.directory("XDG_RUNTIME_DIR").map { [$0.appending("remote-build")] } ?? []
    return (runtime + [temporaryBase, sharedMemory]).filter(isOwn)
  }

  private static let temporaryBase = FilePath("/tmp/remote-build-\(geteuid())")
  private static let sharedMemory = FilePath("/dev/shm/remote-build-\(geteuid())")

  private static func make(_ id: String, in base: FilePath) throws -> FilePath {
    guard let owner = ProcessIdentity.current() else {
      throw ServiceFailure(.system, "/proc is not mounted, or does not show this process")
    }
    try PrivateDirectory.ensure(base)
    // One process may need several: a number makes the difference.
    for number in 0..<1000 {
      let path = base.appending("\(id).\(owner.pid).\(owner.startTime).\(number)")
      do {
        try PrivateDirectory.create(path)
        return path
      } catch Errno.fileExists {
        continue
      } catch {
        throw ServiceFailure.system("cannot make the directory \(path)", error)
      }
    }
    throw ServiceFailure(.system, "\(base) is full of directories of this process")
  }

  private static func isLeftBehind(_ name: String) -> Bool {
    let parts = name.split(separator: ".")
    guard parts.count == 4, let pid = Int32(parts[1]), let start = UInt64(parts[2]) else { return false }
    return ProcessIdentity(running: pid)?.startTime != start
  }

  private static func isInMemory(_ path: FilePath) -> Bool { rb_filesystem_type(path.string) == Int64(RB_TMPFS) }

  private static func isOwn(_ path: FilePath) -> Bool {
    var facts = stat()
    return lstat(path.string, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR && facts.st_uid == geteuid()
  }
}
