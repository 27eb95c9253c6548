// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// A channel's move from one release to another, as it is planned, shown and told.
public struct ChannelMove: Codable, Sendable, Hashable {
  public enum Direction: String, Codable, Sendable {
    /// To a release that is not on the channel's line: it becomes its end.
    case forward
    /// To an earlier release of the line.
    case back
    /// The channel stands there already, and only its history does not know.
    case noted
    /// Back to where it was, since the whole could not be carried out.
    case undone
  }

  /// A release as a place that a channel can stand on.
  public struct Place: Codable, Sendable, Hashable {
    public var digest: Digest
    /// Its version's tag, else a tag of the history; `nil` where neither is known.
    public var tag: String?

    public init(digest: Digest, tag: String?) {
      self.digest = digest
      self.tag = tag
    }
  }

  /// A release that was passed over, since it is broken.
  public struct Skipped: Codable, Sendable, Hashable {
    public var digest: Digest
    public var tag: String?
    /// What is missing or damaged.
    public var problems: [String]
  }

  /// An image on whose channel a release stands that was built on what this move leaves.
  public struct Dependent: Codable, Sendable, Hashable {
    public var image: String
    public var place: Place
    /// Whether it is rolled back too.
    public var isMoved: Bool
  }

  public var image: String
  public var channel: String
  /// `registry/owner/name:channel`.
  public var reference: String
  public var direction: Direction
  /// `nil` where there was no such channel.
  public var from: Place?
  public var to: Place
  public var skipped: [Skipped]
  /// Whether what it moves to carries the labels of a build by this tool.
  public var isBuiltHere: Bool
  /// What stands on the release that a rollback leaves.
  public var dependents: [Dependent] = []
  /// The tag of the history that was written; `nil` while the move is planned.
  public var history: String?
}
