// SPDX-License-Identifier: Apache-2.0

/// What an agent says beside the bytes of a log that is followed: where the next of them stands, and how the job stands.
public struct TailNote: Codable, Hashable, Sendable {
  /// The number of the byte that comes next. More than the one that was due: those between are gone on the host.
  public var offset: UInt64
  /// The number of the first byte that the host still has.
  public var kept: UInt64
  public var phase: JobPhase
  /// While queued: how many jobs come before this one.
  public var position: Int?

  public init(offset: UInt64, kept: UInt64, phase: JobPhase, position: Int? = nil) {
    self.offset = offset
    self.kept = kept
    self.phase = phase
    self.position = position
  }
}
