// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

/// The frames of `sync.push`, after the call itself and before its result.
///
/// The sides take turns, so that neither can block the other. The client sends `attempt`, `operations`, `recipe`s and
/// as much `contents` as it has credit for, then `turn`. The agent answers with `differs` where its tree is not the
/// attempt's base, after which the client begins another attempt; with `held` and `credit` for more contents; with
/// `stop` where it gives up, which the client answers with a last `turn`; or, when the client is done, with the call's
/// result.
enum PushKind {
  static let attempt: UInt8 = 16
  static let operations: UInt8 = 17
  static let contents: UInt8 = 18
  static let turn: UInt8 = 19
  static let recipe: UInt8 = 20
  static let differs: UInt8 = 24
  static let differsEnd: UInt8 = 25
  static let credit: UInt8 = 26
  static let stop: UInt8 = 27
  static let held: UInt8 = 28

  static let service = "sync.push"

  /// Bytes of contents that a client may send before it heard from the agent.
  static let initialCredit = 1 << 20
  /// Bytes that the agent lets be under way once it has agreed to an attempt.
  static let window = 16 << 20
}

/// What the client says as it ends its turn.
enum Turn: UInt8 {
  /// Everything was sent.
  case done = 0
  /// The client has more, and waits for credit or a refusal.
  case waiting = 1
  /// The client gives the attempt up: a file changed under its hands.
  case abandon = 2
}

struct PushParameters: Codable, Sendable {
  var workspace: String
  var project: String
  var owner: String
  var adopt: Bool
  var allowMassDelete: Bool
  var wait: Bool
  var dryRun: Bool
}

/// The parameters of `sync.bulk`, beside a push that is under way.
struct BulkParameters: Codable, Sendable {
  var workspace: String

  static let service = "sync.bulk"
}

/// What the agent did.
struct PushAnswer: Codable, Sendable {
  var treeDigest: Digest
  var savedAside: [String] = []
  var leftBehind: [String] = []
  var warnings: [String] = []
}

/// The trees between which an attempt's operations lead.
struct Attempt: Hashable, Sendable {
  var base: Digest
  var target: Digest

  var frame: Frame {
    var encoder = MessageEncoder()
    encoder.write(base)
    encoder.write(target)
    return Frame(kind: PushKind.attempt, payload: encoder.bytes)
  }

  init(base: Digest, target: Digest) {
    self.base = base
    self.target = target
  }

  init(_ payload: [UInt8]) throws {
    var decoder = MessageDecoder(payload)
    base = try decoder.readDigest()
    target = try decoder.readDigest()
    try decoder.expectEnd()
  }
}

/// How the agent's tree is told: from the last tree it acknowledged if the client named that one, else from nothing.
struct DiffersEnd {
  var isFromBase: Bool
  var tree: Digest

  var frame: Frame {
    var encoder = MessageEncoder()
    encoder.write(isFromBase)
    encoder.write(tree)
    return Frame(kind: PushKind.differsEnd, payload: encoder.bytes)
  }

  init(isFromBase: Bool, tree: Digest) {
    self.isFromBase = isFromBase
    self.tree = tree
  }

  init(_ payload: [UInt8]) throws {
    var decoder = MessageDecoder(payload)
    isFromBase = try decoder.readBool()
    tree = try decoder.readDigest()
    try decoder.expectEnd()
  }
}

extension Frame {
  static func turn(_ turn: Turn) -> Frame { Frame(kind: PushKind.turn, payload: [turn.rawValue]) }

  static func credit(_ bytes: Int) -> Frame {
    var encoder = MessageEncoder()
    encoder.write(UInt64(bytes))
    return Frame(kind: PushKind.credit, payload: encoder.bytes)
  }

  func readTurn() throws -> Turn {
    guard payload.count == 1, let turn = Turn(rawValue: payload[0]) else {
      throw WireError(.malformed, "a turn of \(payload)")
    }
    return turn
  }
}
