// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// A command that runs on a host: its standard input and output as a byte stream.
final class SSHChannel: CommandStream {
  private let session: SSHSession
  private let id: Int

  init(session: SSHSession, id: Int) {
    self.session = session
    self.id = id
  }

  func read(upTo limit: Int) async throws -> [UInt8]? {
    try await session.readChannel(id, upTo: limit)
  }

  func write(_ bytes: [UInt8]) async throws { try await session.writeChannel(id, bytes) }

  func finishWriting() async throws { try await session.finishWritingChannel(id) }

  func close() async { await session.closeChannel(id) }

  /// Waits until the peer will write no more, whether or not all of it was read.
  func untilEndOfOutput() async throws { try await session.awaitEndOfChannel(id) }

  /// Waits until the command has ended. Its output must have been read to the end.
  func exit(timeout: Duration? = nil) async throws -> CommandExit {
    try await session.exitOfChannel(id, before: timeout.map { ContinuousClock.now + $0 })
  }

  /// The last kilobytes that the command wrote to its standard error so far; gone once the channel is closed.
  func standardErrorTail() async -> String { await session.standardErrorTail(id) }
}
