// SPDX-License-Identifier: Apache-2.0

public import SystemPackage
public import Vocabulary

/// A workspace as it stands on the laptop. The tree itself stays in a file.
public struct Scan: Sendable {
  /// Everything that is managed: what the contexts include together.
  let snapshot: Snapshot
  /// The chunk lists of the big files, as far as they are known.
  let chunks: ChunkStore?
  /// What is read and compressed once for several hosts.
  let packs: PackShares
  /// The workspace that was scanned.
  public let root: FilePath
  /// What each image's context includes, as a digest, by the image's name.
  public let contextDigests: [String: Digest]
  /// What was left out, or may surprise, for people.
  public let warnings: [String]
  /// Files that had to be read; the others stood in the stat cache.
  public let filesHashed: Int
  /// Bytes that had to be read.
  public let bytesHashed: ByteCount

  /// Whether the tree, or a stamp, is not as the scan before left it.
  public let isNew: Bool

  public var treeDigest: Digest { snapshot.digest }

  /// Managed files, links included; directories do not count.
  public var files: Int { snapshot.summary.files }

  /// Which of these are managed, or hold something that is: paths in the workspace, a directory's with a slash at the
  /// end. Throws ``SyncError``.
  public func managed(among names: [String]) async throws -> [String] {
    let wanted = Set(names.map { Array($0.utf8) })
    guard !wanted.isEmpty else { return [] }
    let snapshot = snapshot
    let found = try await Threads.run {
      var found: Set<[UInt8]> = []
      try snapshot.visit { item in
        let path = item.entry.path.bytes
        if wanted.contains(path) { found.insert(path) }
        if item.entry.isDirectory { return }
        for (index, byte) in path.enumerated() where byte == TreePath.slash {
          let directory = Array(path[...index])
          if wanted.contains(directory) { found.insert(directory) }
        }
      }
      return found
    }
    return names.filter { found.contains(Array($0.utf8)) }
  }
}
