// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Directories that this user alone may look into.
enum PrivateDirectory {
  /// Makes `path` with mode 0700 and the directories above it; one that is there must be this user's own and closed to
  /// others. Throws ``JobFailure/unsafeDirectory`` otherwise.
  static func ensure(_ path: FilePath) throws {
    let parent = path.removingLastComponent()
    if !parent.isEmpty && !SmallFile.exists(parent) { try ensure(parent) }
    if mkdir(path.string, 0o700) < 0 && errno != EEXIST {
      throw ServiceFailure.system("cannot make the directory \(path)", Errno(rawValue: errno))
    }
    try check(path)
  }

  /// Makes `path`, which must not be there yet, with mode 0700. Throws `Errno`.
  static func create(_ path: FilePath) throws(Errno) { try checked(mkdir(path.string, 0o700)) }

  private static func check(_ path: FilePath) throws {
    var facts = stat()
    guard lstat(path.string, &facts) == 0 else {
      throw ServiceFailure.system("cannot look at \(path)", Errno(rawValue: errno))
    }
    guard facts.st_mode & S_IFMT == S_IFDIR, facts.st_uid == geteuid(), facts.st_mode & 0o077 == 0 else {
      throw ServiceFailure(
        .unsafeDirectory,
        "\(path) is not a directory that this user (\(geteuid())) alone may use: look at it on the host and remove it, "
          + "or `chmod 700` it")
    }
  }
}
