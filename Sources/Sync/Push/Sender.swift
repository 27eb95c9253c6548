// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

/// The client's side of one attempt: what it opens with, then contents as far as its credit goes.
struct Sender {
  enum End {
    case result(Frame)
    case differs([Operation], DiffersEnd)
  }

  let connection: FrameConnection
  /// Frames that are still to be sent, in one write with what follows them.
  var opening: [Frame]
  /// Content bytes to send.
  let total: UInt64
  let progress: @Sendable (PushProgress) -> Void
  private(set) var sent: UInt64 = 0
  private(set) var roundTrips = 0
  private var credit = PushKind.initialCredit

  init(
    connection: FrameConnection, opening: [Frame], total: UInt64, progress: @escaping @Sendable (PushProgress) -> Void
  ) {
    self.connection = connection
    self.opening = opening
    self.total = total
    self.progress = progress
  }

  mutating func send(_ reader: ContentReader) async throws -> End {
    do {
      var pack = try await reader.nextPack()
      while let current = pack {
        // What the agent cannot take yet waits here, and so nothing piles up on either side.
        while credit <= 0 {
          if let end = try await waitForCredit() { return end }
        }
        async let following = reader.nextPack()
        credit -= current.payload.count
        try await flush(Frame(kind: PushKind.contents, payload: current.payload))
        sent += UInt64(current.bytes)
        progress(PushProgress(sent: ByteCount(sent), total: ByteCount(total)))
        pack = try await following
      }
    } catch let error as SyncError {
      try await flush(.turn(.abandon))
      _ = try await ending()
      throw error
    }
    try await flush(.turn(.done))
    roundTrips += 1
    return try await ending()
  }

  private mutating func flush(_ frame: Frame) async throws {
    // Large openings go frame by frame: one write is one allocation.
    while opening.count > 8 { try await connection.send(opening.removeFirst()) }
    try await connection.send(opening + [frame])
    opening = []
  }

  /// Lets the agent speak; `nil` once it gave more credit.
  private mutating func waitForCredit() async throws -> End? {
    try await flush(.turn(.waiting))
    roundTrips += 1
    let frame = try await receive()
    switch frame.kind {
    case PushKind.credit:
      try add(frame)
      return nil
    case PushKind.stop:
      try await connection.send(.turn(.done))
      return try await ending()
    default: return try await ending(frame)
    }
  }

  private mutating func add(_ frame: Frame) throws {
    var decoder = MessageDecoder(frame.payload)
    credit += Int(clamping: try decoder.readUInt())
  }

  private func receive() async throws -> Frame {
    guard let frame = try await connection.receive() else {
      throw WireError(.truncated, "the agent ended in the middle of a push")
    }
    return frame
  }

  /// What ends the attempt, after credit that came too late to matter.
  private func ending(_ first: Frame? = nil) async throws -> End {
    var operations: [Operation] = []
    var frame: Frame
    if let first { frame = first } else { frame = try await receive() }
    while true {
      switch frame.kind {
      case PushKind.credit, PushKind.stop: break
      case PushKind.differs: operations += try readOperations(frame.payload)
      case PushKind.differsEnd: return .differs(operations, try DiffersEnd(frame.payload))
      case CallKind.result, CallKind.failure: return .result(frame)
      default: throw WireError(.malformed, "a frame of kind \(frame.kind) in a push")
      }
      frame = try await receive()
    }
  }
}
