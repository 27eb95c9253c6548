// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

/// The services' names, parameters and frames, as both ends use them.
enum JobCall {
  static let start = "job.start"
  static let tail = "job.tail"
  static let status = "job.status"
  static let list = "job.list"
  static let cancel = "job.cancel"
  static let mark = "job.mark"
  static let dismiss = "job.dismiss"
  static let run = "command.run"
  static let facts = "host.facts"

  struct Named: Codable, Sendable {
    var id: String
  }

  struct Tail: Codable, Sendable {
    var id: String
    /// The first byte that is wanted.
    var offset: UInt64
    /// Whether to go on until the job ends, or only to where the log ends now.
    var follow: Bool
    /// Instead of a byte: what was printed in the last so many seconds.
    var since: Double?
  }

  struct Mark: Codable, Sendable {
    var id: String
    var verified: Bool
    var digest: Digest?
  }

  struct Facts: Codable, Sendable {
    var path: String?
  }
}

/// The frames of a tail. The client's only frame ends it: sent before `end` it stops the tail early. So the agent can
/// have one receive under way all along, which also tells it when the client is gone.
enum TailKind {
  /// From the agent: bytes of the log, in order.
  static let bytes: UInt8 = Frame.firstServiceKind
  /// From the agent: there are no more.
  static let end: UInt8 = Frame.firstServiceKind + 1
  /// From the agent, first of all and whenever something of it changes: a ``TailNote``.
  static let note: UInt8 = Frame.firstServiceKind + 3
  /// From the client: it wants no more.
  static let stop: UInt8 = Frame.firstServiceKind + 2
}
