// SPDX-License-Identifier: Apache-2.0

/// One message on the stream: a kind, and bytes whose meaning the kind gives.
///
/// On the wire: four bytes, little-endian, the count of what follows; one byte, the kind; the payload.
public struct Frame: Hashable, Sendable {
  public var kind: UInt8
  public var payload: [UInt8]

  public init(kind: UInt8, payload: [UInt8] = []) {
    self.kind = kind
    self.payload = payload
  }

  /// Kinds below 16 belong to the calls that every service shares; a service gives its own meaning to the others.
  public static let firstServiceKind: UInt8 = 16

  /// The most payload bytes of a frame: what either side must be ready to hold.
  public static let maximumPayload = 4 << 20

  /// Payload bytes that a frame of bulk data aims at.
  public static let bulkPayload = 1 << 20
}
