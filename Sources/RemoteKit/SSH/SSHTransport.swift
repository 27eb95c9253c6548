// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// The bytes below an SSH session: a TCP socket, a channel of the session before, a ProxyCommand's pipes.
///
/// The session's loop thread alone calls it.
protocol SSHTransport: AnyObject, Sendable {
  /// What to poll for input.
  var input: FileDescriptor { get }
  /// What to poll for room to write; often the same.
  var output: FileDescriptor { get }

  /// Reads what is there: a count, 0 at the end of the stream, `nil` when it would block.
  func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int?

  /// Writes what fits: a count, `nil` when it would block.
  func send(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int?

  /// The next round trips decide how fast the session stands: acknowledge at once while it is set up.
  func setHurried(_ hurried: Bool)

  /// Why the stream has ended, where what lies below knows it; asked once it has. May wait a second for the last words.
  func reason() async -> RemoteError?

  func close()
}
