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

  public var treeDigest: Digest { snapshot.digest }

  /// Managed files, links included; directories do not count.
  public var files: Int { snapshot.summary.files }
}
