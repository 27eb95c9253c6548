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

/// Who holds the lease for which a call waits. Both are what the host says, and safe to show.
public struct LeaseHolder: Codable, Hashable, Sendable {
  public var owner: String
  /// When it was taken: `2026-01-31T13:05:09Z`.
  public var since: String

  init?(_ failure: ServiceFailure) {
    guard failure.code == Refusal.leaseHeld.rawValue, let owner = failure.details["owner"]?.first,
      let since = failure.details["since"]?.first
    else { return nil }
    self.owner = owner
    self.since = since
  }
}

/// Asks an agent for a slot.
public enum SlotClient {
  static let service = "slot.prepare"
  /// The one frame of this call's own: a ``LeaseHolder``, before the agent waits.
  static let waiting: UInt8 = 32

  /// Brings a slot of the image to exactly what its context includes, and locks it for the job that the same agent
  /// starts next.
  /// - Parameters:
  ///   - workspace: the absolute path on the host.
  ///   - treeDigest: the tree that must stand there.
  ///   - contextDigest: what the scan says of this image's context.
  ///   - owner: who holds the lease meanwhile.
  ///   - waiting: told who holds the lease now, where it has to be waited for.
  /// - Throws: `ServiceFailure` with a code of ``Refusal``: `tree-changed` where another tree stands there.
  public static func prepare(
    _ context: ImageContext, workspace: String, treeDigest: Digest, contextDigest: Digest, owner: String,
    over connection: FrameConnection, waiting: @Sendable (LeaseHolder) -> Void = { _ in }
  ) async throws -> PreparedSlot {
    let parameters = SlotParameters(
      workspace: workspace, context: context, treeDigest: treeDigest, contextDigest: contextDigest, owner: owner)
    try await connection.send(FrameConnection.call(service, parameters))
    while let frame = try await connection.receive() {
      guard frame.kind == Self.waiting else { return try FrameConnection.result(frame) }
      waiting(try FrameConnection.decode(LeaseHolder.self, frame.payload))
    }
    throw WireError(.truncated, "the agent ended before it had prepared a slot")
  }
}
