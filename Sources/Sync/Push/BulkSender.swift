// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

/// Sends big files over further channels beside the one of the push: one channel's window fills no line that is both
/// fast and long.
struct BulkSender: Sendable {
  /// Opens a further channel with an agent that has said hello.
  typealias Opening = @Sendable () async throws -> FrameConnection

  let workspace: String
  let reader: BulkReader
  let open: Opening
  let sent: @Sendable (Int) -> Void

  /// From so many bytes on it is worth a channel.
  static let least: UInt64 = 32 << 20
  private static let mostChannels = 8
  /// Where opening a channel takes longer, the line is long: two round trips and an agent's start.
  private static let longLine = Duration.milliseconds(40)

  /// Sends all of it; returns the bytes on the wire, or `nil` where no further channel can be had. Throws the agent's
  /// refusals as `ServiceFailure`; ``SyncError`` with `changedWhileSent`; `WireError`.
  func run() async throws -> Int? {
    let clock = ContinuousClock()
    let start = clock.now
    guard let first = try? await open() else { return nil }
    let further = clock.now - start > Self.longLine ? Self.mostChannels - 1 : 0
    return try await withThrowingTaskGroup(of: Int.self) { group in
      group.addTask { try await drain(over: first) }
      for _ in 0..<further {
        group.addTask {
          // A server may allow fewer sessions than we would like.
          guard let channel = try? await open() else { return 0 }
          return try await drain(over: channel)
        }
      }
      return try await group.reduce(0, +)
    }
  }

  private func drain(over connection: FrameConnection) async throws -> Int {
    do {
      try await connection.send(FrameConnection.call(BulkParameters.service, BulkParameters(workspace: workspace)))
      let packs = BulkReader.Packs(reader)
      var pack = try await packs.next()
      while let current = pack {
        async let following = packs.next()
        try await connection.send(Frame(kind: PushKind.contents, payload: current.payload))
        sent(current.bytes)
        pack = try await following
      }
      try await connection.send(.turn(.done))
      guard let frame = try await connection.receive() else {
        throw WireError(.truncated, "the agent ended in the middle of a push")
      }
      _ = try FrameConnection.result(frame, as: Nothing.self)
      await connection.close()
      return connection.bytesSent
    } catch {
      await connection.close()
      throw error
    }
  }
}
