// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The chunk lists of big files, each under its own digest: a cache on either side. A list that is lost costs a file's
/// reading, or its sending whole.
final class ChunkStore: Sendable {
  private let directory: Int32

  /// So many bytes hold the longest list.
  private static let longest = ChunkList.most * 40
  /// Seconds for which a list is kept that nobody asked for.
  private static let age: Int64 = 30 * 24 * 3600

  /// Makes the directory `name` where it is missing. Throws ``SyncError``.
  init(_ parent: Int32, _ name: [UInt8], path: String) throws {
    guard Disk.withPath(name, { mkdirat(parent, $0, 0o700) }) == 0 || errno == EEXIST else {
      throw SyncError.last("make the directory", path)
    }
    directory = try Disk.open(parent, name, O_RDONLY | O_DIRECTORY, path: path)
  }

  deinit { close(directory) }

  /// The chunks of this content; `nil` where nobody kept them, or they are damaged.
  func load(_ content: Content) -> ChunkList? {
    let name = Array(content.digest.hex.utf8)
    guard let bytes = try? Disk.contents(directory, name, limit: Self.longest, "a list of chunks"),
      let list = try? ChunkList(encoded: bytes, limit: content.size), list.digest == content.digest
    else { return nil }
    return list
  }

  func save(_ list: ChunkList) throws {
    let name = Array(list.digest.hex.utf8)
    if try Disk.stamp(directory, name) != nil {
      // Asked for, and so not old.
      try? Disk.setModified(directory, name, FileStamp.now(), "a list of chunks")
      return
    }
    try Disk.replace(directory, name, [list.encoded], "a list of chunks")
  }

  /// Removes what nobody asked for in a long time.
  func tidy() {
    let limit = FileStamp.now() - Self.age * 1_000_000_000
    for name in (try? Disk.names(directory, "")) ?? [] {
      guard let stamp = (try? Disk.stamp(directory, name)) ?? nil, stamp.modified < limit else { continue }
      _ = Disk.withPath(name) { unlinkat(directory, $0, 0) }
    }
  }
}
