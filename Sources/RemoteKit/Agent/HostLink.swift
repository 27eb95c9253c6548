// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// What a ``HostConnection`` to another machine stands on: libssh2 (``SessionStack``) or the system's `ssh`
/// (``OpenSSHLink``).
protocol HostLink: Sendable {
  /// Starts `command` in the user's login shell, over the connection that stands.
  /// - Parameter bulk: much data will come from the host.
  func execute(_ command: String, bulk: Bool, timeout: Duration) async throws -> any CommandStream

  /// A stream to an address as the host sees it.
  func openTunnel(to address: String, port: Int, timeout: Duration) async throws -> any ByteStream

  /// Closes everything. Harmless when called twice.
  func close() async
}

/// A command that runs on a host: its standard input and output.
protocol CommandStream: ByteStream {
  /// Waits until the peer will write no more, whether or not all of it was read. Throws when the connection breaks or the
  /// stream is closed.
  func untilEndOfOutput() async throws

  /// The last kilobytes that the command wrote to its standard error so far; gone once the stream is closed.
  func standardErrorTail() async -> String
}
