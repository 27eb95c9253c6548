// SPDX-License-Identifier: Apache-2.0

public import Vocabulary
public import Wire

/// What stands in a workspace's state on a host: read, never changed.
public struct WorkspaceFacts: Codable, Hashable, Sendable {
  /// The project that the directory is the copy of; `nil` where nothing was pushed to it.
  public var project: String?
  /// Who has the lease, and since when (ISO 8601); `nil` where nobody has.
  public var holder: String?
  public var since: String?

  public init(project: String?, holder: String?, since: String?) {
    self.project = project
    self.holder = holder
    self.since = since
  }
}

/// What a tidying of a workspace removed, or would remove.
public struct TidiedWorkspace: Codable, Hashable, Sendable {
  public struct Item: Codable, Hashable, Sendable {
    public var name: String
    public var size: ByteCount

    public init(name: String, size: ByteCount) {
      self.name = name
      self.size = size
    }
  }

  /// The slots of images that are gone, each with all that it holds.
  public var slots: [Item]
  /// What was kept aside when a sync overwrote it.
  public var saved: [Item]
  /// The slots that a build holds, and that were left for that.
  public var busy: [String]

  public init(slots: [Item] = [], saved: [Item] = [], busy: [String] = []) {
    self.slots = slots
    self.saved = saved
    self.busy = busy
  }
}

struct TidyParameters: Codable, Sendable {
  var workspace: String
  /// The images whose slots stay; `nil`: all slots do.
  var images: [String]?
  /// Of what was kept aside, in seconds.
  var olderThan: Double
  var owner: String
  var isDry: Bool
}

struct LookParameters: Codable, Sendable {
  var workspace: String
}

/// Asks an agent about a workspace, and has it tidied up.
public enum WorkspaceTidying {
  static let look = "workspace.look"
  static let tidy = "workspace.tidy"

  /// What stands there. A directory that is not there, or that is nobody's copy, is no error.
  public static func look(at workspace: String, over connection: FrameConnection) async throws -> WorkspaceFacts {
    try await connection.call(look, LookParameters(workspace: workspace))
  }

  /// Under the lease removes the slots of images that are not among `images`, and what was kept aside longer ago than
  /// `age` seconds. The lease is kept until the connection ends. A dry run takes none and removes nothing.
  /// - Throws: `ServiceFailure` with a code of ``Refusal``: `lease-held` where someone else works there.
  public static func tidy(
    _ workspace: String, images: [String]?, savedOlderThan age: Double, owner: String, isDry: Bool,
    over connection: FrameConnection
  ) async throws -> TidiedWorkspace {
    try await connection.call(
      tidy,
      TidyParameters(workspace: workspace, images: images, olderThan: age, owner: owner, isDry: isDry))
  }
}
