// SPDX-License-Identifier: Apache-2.0

public import Wire

/// An agent at work: one process on the host, one channel.
public struct AgentConnection: Sendable {
  public let frames: FrameConnection
  public let hello: Hello
  let readDiagnostics: @Sendable () async -> String
  let awaitEnd: @Sendable () async throws -> Void

  /// The last of what the agent wrote to its standard error; ask before ``close()``.
  public func diagnostics() async -> String { await readDiagnostics() }

  /// Returns when the agent has finished writing, whether or not that was read. Throws when the connection breaks or is
  /// closed, and when the task is cancelled. For an agent on this machine it only ends so: reads and writes tell its end.
  public func untilItEnds() async throws { try await awaitEnd() }

  /// Ends the agent by ending its input. Harmless when called twice.
  public func close() async { await frames.close() }
}
