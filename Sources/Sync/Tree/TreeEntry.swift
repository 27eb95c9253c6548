// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// What a file holds.
public struct Content: Hashable, Sendable {
  /// Of the bytes, where a file is not divided; else of its chunks: ``ChunkList/digest``.
  public var digest: Digest
  /// Bytes.
  public var size: UInt64

  public init(digest: Digest, size: UInt64) {
    self.digest = digest
    self.size = size
  }

  /// Files of more bytes are divided into chunks.
  static let largestWhole: UInt64 = 256 << 10

  var isDivided: Bool { size > Self.largestWhole }
}

/// One managed path.
public struct TreeEntry: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    case file(Content)
    case directory
    /// A symbolic link's target, verbatim and never followed.
    case symlink([UInt8])
  }

  public var path: TreePath
  public var kind: Kind
  /// The nine permission bits, and setuid, setgid and sticky; always 0o777 for a symbolic link.
  public var permissions: UInt16
  /// Nanoseconds since 1970. Pushed, but not part of a digest.
  public var modified: Int64
  /// For a file of several names (hard links) that stand in the tree: the first of them, on all the others.
  public var link: TreePath?

  public init(path: TreePath, kind: Kind, permissions: UInt16, modified: Int64, link: TreePath? = nil) {
    self.path = path
    self.kind = kind
    self.permissions = permissions & 0o7777
    self.modified = modified
    self.link = link
  }

  public var content: Content? {
    if case .file(let content) = kind { return content }
    return nil
  }

  public var isDirectory: Bool { kind == .directory }

  /// Whether both have what a digest covers: all but the modification time.
  func matches(_ other: TreeEntry) -> Bool {
    kind == other.kind && permissions == other.permissions && link == other.link
  }
}

/// An entry with what `lstat` said of it when its digest was taken.
struct StampedEntry: Sendable {
  var entry: TreeEntry
  /// `nil` where the stamp cannot be believed later, or none was taken yet.
  var stamp: FileStamp?
  var mark: Mark = .none

  /// What is known of the path beyond the tree.
  enum Mark: UInt8, Sendable {
    case none = 0
    /// On a host: it is not what was pushed.
    case edited = 1
    /// On a host: the push under way makes or changes it.
    case touched = 2
  }
}
