// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// A workspace as it stands on the laptop.
public struct Scan: Sendable {
  /// Everything that is managed: what the contexts include together.
  public let tree: Tree
  public let treeDigest: Digest
  /// What each image's context includes, as a digest, by the image's name.
  public let contextDigests: [String: Digest]
  /// What was left out, or may surprise, for people.
  public let warnings: [String]
  /// Files that had to be read; the others stood in the stat cache.
  public let filesHashed: Int
  /// Bytes that had to be read.
  public let bytesHashed: ByteCount
}
