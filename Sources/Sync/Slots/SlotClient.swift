// SPDX-License-Identifier: Apache-2.0

public import Vocabulary
public import Wire

struct SlotParameters: Codable, Sendable {
  var workspace: String
  var context: ImageContext
  var treeDigest: Digest
  var contextDigest: Digest
  var owner: String
}

/// Where on the host an image is built from.
public struct PreparedSlot: Codable, Hashable, Sendable {
  /// The slot's own directory, under which its lock is held (`HeldLocks.take`).
  public var slot: String
  /// The context's directory, absolute: what the builder is given.
  public var path: String
  /// The Dockerfile, absolute.
  public var dockerfile: String
  /// The digest of what stands in the slot.
  public var contextDigest: Digest
}

/// Asks an agent for a slot.
public enum SlotClient {
  static let service = "slot.prepare"

  /// Brings a slot of the image to exactly what its context includes, and locks it for the job that the same agent
  /// starts next.
  /// - Parameters:
  ///   - workspace: the absolute path on the host.
  ///   - treeDigest: the tree that must stand there.
  ///   - contextDigest: what the scan says of this image's context.
  ///   - owner: who holds the lease meanwhile.
  /// - Throws: `ServiceFailure` with a code of ``Refusal``: `tree-changed` where another tree stands there.
  public static func prepare(
    _ context: ImageContext, workspace: String, treeDigest: Digest, contextDigest: Digest, owner: String,
    over connection: FrameConnection
  ) async throws -> PreparedSlot {
    try await connection.call(
      service,
      SlotParameters(
        workspace: workspace, context: context, treeDigest: treeDigest, contextDigest: contextDigest, owner: owner))
  }
}
