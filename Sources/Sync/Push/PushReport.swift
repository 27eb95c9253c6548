// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// What a push did.
public struct PushReport: Codable, Hashable, Sendable {
  /// The host's tree now, as the agent read it from its disk: the same as the scan's.
  public var treeDigest: Digest
  /// Managed files, links included; directories do not count.
  public var files: Int
  /// Files that were made or changed, links included; directories do not count.
  public var changed: Int
  public var deleted: Int
  /// Content sent, before compression.
  public var contentBytes: ByteCount
  /// Bytes on the wire, of this push alone.
  public var bytesSent: ByteCount
  public var bytesReceived: ByteCount
  /// How often the client waited for the agent.
  public var roundTrips: Int
  /// Paths edited on the host, or adopted, that were moved to the workspace's `.remote-build/saved`.
  public var savedAside: [String]
  /// Paths that are not managed any more but were edited on the host, and so were left there.
  public var leftBehind: [String]
  public var warnings: [String]
}

/// What a push would do.
public struct PushPlanReport: Codable, Hashable, Sendable {
  public var treeDigest: Digest
  /// Paths that would be made or changed, in order.
  public var puts: [String]
  /// Paths that would be deleted.
  public var deletes: [String]
  /// Content that would be sent, before compression.
  public var contentBytes: ByteCount
  /// Paths edited on the host that would be saved aside.
  public var savedAside: [String]
  /// Paths that would be left on the host.
  public var leftBehind: [String]
}

/// How far a push is.
public struct PushProgress: Hashable, Sendable {
  /// Content bytes sent.
  public var sent: ByteCount
  /// Content bytes that this attempt has to send.
  public var total: ByteCount
}
