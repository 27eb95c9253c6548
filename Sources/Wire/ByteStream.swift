// SPDX-License-Identifier: Apache-2.0

/// Two streams of bytes, one each way, with back-pressure: what an SSH channel, a pipe to a process and a pair of
/// sockets have in common.
///
/// One task may read while another writes. Calls of the same kind from several tasks are served one after another, and
/// the bytes of one `write` are never interleaved with those of another.
public protocol ByteStream: Sendable {
  /// Waits for input and returns between 1 and `limit` bytes, or `nil` when the peer has finished writing.
  /// Throws when the connection broke, was closed on this side, or the task was cancelled.
  func read(upTo limit: Int) async throws -> [UInt8]?

  /// Returns when all of `bytes` were accepted for sending; suspends while the peer does not take them.
  /// Throws when the connection broke or was closed.
  func write(_ bytes: [UInt8]) async throws

  /// Tells the peer that nothing more will be written; reading goes on. Harmless when called twice.
  func finishWriting() async throws

  /// Gives up both directions and what stands behind them. Reads and writes under way throw. Never throws itself, and
  /// is harmless when called twice.
  func close() async
}
