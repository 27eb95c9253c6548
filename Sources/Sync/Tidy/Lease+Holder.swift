// SPDX-License-Identifier: Apache-2.0

internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

extension Lease {
  /// Who has the lease of a state's directory, and since when, asked without taking it: `nil` where nobody has, and where
  /// the system does not tell of locks.
  static func holder(_ state: Int32) -> (owner: String, since: String)? {
    var facts = stat()
    guard fstatat(state, "lease", &facts, AT_SYMLINK_NOFOLLOW) == 0, let noted = noted(state) else { return nil }
    guard let locks = try? locks(), locks.contains(where: { $0.inode == facts.st_ino && $0.process == noted.process })
    else { return nil }
    return (noted.owner, noted.since)
  }

  /// The `flock`s of this machine (proc(5), `/proc/locks`): `3: FLOCK  ADVISORY  WRITE 13224 fe:00:16221778 0 EOF`.
  static func locks() throws -> [(process: Int32, inode: UInt64)] {
    let descriptor = open("/proc/locks", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var text: [UInt8] = []
    while text.count < 1 << 20 {
      let more = try Disk.read(descriptor, 64 << 10, "/proc/locks")
      if more.isEmpty { break }
      text += more
    }
    return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      guard let start = words.firstIndex(of: "FLOCK"), words.count > start + 4, let process = Int32(words[start + 3]),
        let inode = words[start + 4].split(separator: ":").last.flatMap({ UInt64($0) })
      else { return nil }
      return (process, inode)
    }
  }
}
