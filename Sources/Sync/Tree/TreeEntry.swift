// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// What a file holds.
public struct Content: Hashable, Sendable {
  public var digest: Digest
  /// Bytes.
  public var size: UInt64

  public init(digest: Digest, size: UInt64) {
    self.digest = digest
    self.size = size
  }
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
  /// The nine permission bits; always 0o777 for a symbolic link.
  public var permissions: UInt16
  /// Nanoseconds since 1970. Pushed, but not part of a digest.
  public var modified: Int64

  public init(path: TreePath, kind: Kind, permissions: UInt16, modified: Int64) {
    self.path = path
    self.kind = kind
    self.permissions = permissions & 0o777
    self.modified = modified
  }

  public var content: Content? {
    if case .file(let content) = kind { return content }
    return nil
  }

  public var isDirectory: Bool { kind == .directory }

  /// Whether both have what a digest covers: all but the modification time.
  func matches(_ other: TreeEntry) -> Bool { kind == other.kind && permissions == other.permissions }
}
