// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A directory of mode 0700 for the sockets of one connection, gone when it ends.
struct PrivateDirectory: Sendable {
  let path: FilePath
  private static let prefix = "remote-build-ssh."

  /// In the user's runtime directory, else in /tmp: the path of a socket must be short. Directories that a killed process
  /// left there are removed.
  init(environment: [String: String]) throws {
    let runtime = environment["XDG_RUNTIME_DIR"].flatMap { Self.isOurs($0) ? $0 : nil }
    // Room for a socket's name and what ssh appends to it, in the 104 bytes that macOS has.
    let base = FilePath(runtime.flatMap { $0.utf8.count <= 40 ? $0 : nil } ?? "/tmp")
    Self.sweep(base)
    let own = base.appending("\(Self.prefix)\(getpid()).\(String(UInt32.random(in: 0...UInt32.max), radix: 36))")
    guard mkdir(own.string, 0o700) == 0 else { throw Errno(rawValue: errno) }
    path = own
  }

  /// Again where something went by itself meanwhile, at which the removal stops.
  func remove() {
    for _ in 0..<3 where FileManager.default.fileExists(atPath: path.string) {
      try? FileManager.default.removeItem(atPath: path.string)
    }
  }

  private static func isOurs(_ directory: String) -> Bool {
    var status = stat()
    return directory.hasPrefix("/") && lstat(directory, &status) == 0 && status.st_uid == getuid()
      && status.st_mode & S_IFMT == S_IFDIR && status.st_mode & 0o022 == 0
      && !directory.contains("%") && !directory.contains(" ")
  }

  private static func sweep(_ base: FilePath) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: base.string)) ?? []
    for name in names where name.hasPrefix(prefix) {
      let parts = name.dropFirst(prefix.count).split(separator: ".")
      guard parts.count == 2, let pid = pid_t(parts[0]), kill(pid, 0) != 0, errno == ESRCH else { continue }
      let old = base.appending(name).string
      if isOurs(old) { try? FileManager.default.removeItem(atPath: old) }
    }
  }
}
