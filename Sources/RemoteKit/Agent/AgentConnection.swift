// SPDX-License-Identifier: Apache-2.0

public import Wire

/// An agent at work: one process on the host, one channel.
public struct AgentConnection: Sendable {
  public let frames: FrameConnection
  public let hello: Hello
  let readDiagnostics: @Sendable () async -> String

  /// The last of what the agent wrote to its standard error; ask before ``close()``.
  public func diagnostics() async -> String { await readDiagnostics() }

  /// Ends the agent by ending its input. Harmless when called twice.
  public func close() async { await frames.close() }
}
