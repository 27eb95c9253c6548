// SPDX-License-Identifier: Apache-2.0

public import Wire

/// Leases and the audit log on the host that an agent serves. One call at a time on a connection; each throws the
/// agent's ``Wire/ServiceFailure``, or ``Wire/WireError`` when the connection breaks.
public struct ReleaseClient: Sendable {
  private let connection: FrameConnection

  /// The code with which a lease is refused that someone else holds; `owner` and `since` (seconds since 1970) are in the
  /// failure's details.
  public static let leaseHeld = "lease-held"

  /// A connection whose hello was received.
  public init(_ connection: FrameConnection) { self.connection = connection }

  /// Takes the leases `names`, all or none, until they are given back or the connection ends.
  public func take(_ names: [String], owner: String) async throws {
    let _: Nothing = try await connection.call(ReleaseCall.take, ReleaseCall.Leases(names: names, owner: owner))
  }

  public func release(_ names: [String]) async throws {
    let _: Nothing = try await connection.call(ReleaseCall.release, ReleaseCall.Leases(names: names, owner: ""))
  }

  /// Appends lines to the host's audit log, each one JSON object.
  public func append(audit lines: [String]) async throws {
    let _: Nothing = try await connection.call(ReleaseCall.append, ReleaseCall.Lines(lines: lines))
  }

  /// The newest lines of the host's audit log, at most 2000, as this user's laptops wrote them: not to be trusted.
  public func audit() async throws -> [String] {
    try await connection.call(ReleaseCall.read, Nothing(), returning: ReleaseCall.Lines.self).lines
  }
}
