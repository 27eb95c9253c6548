// SPDX-License-Identifier: Apache-2.0

extension SSHSession {
  /// Opens a stream to an address as the host sees it (RFC 4254, section 7.2).
  /// - Parameters:
  ///   - window: bytes that the peer may send ahead of the reader; what runs through it shares them.
  ///   - timeout: a connection that the host cannot make in this time fails, and the session with it, since libssh2
  ///     cannot give up the question alone.
  func openTunnel(to address: String, port: Int, window: Int = 12 << 20, timeout: Duration) async throws -> SSHChannel {
    let deadline = ContinuousClock.now + timeout
    await sessionTurn.enter(isolation: self)
    defer { sessionTurn.leave() }
    var message = SSHBlobWriter()
    message.write(Array(address.utf8))
    message.write(UInt32(port))
    // Where it comes from; servers log it.
    message.write(Array("127.0.0.1".utf8))
    message.write(UInt32(0))
    let state = try await openChannel("direct-tcpip", message: message.bytes, window: window, before: deadline) {
      [host] failure in
      RemoteError(
        .unreachable, host: host,
        "the server opens no connection to \(OpenSSHWords.shown(address)) port \(port) (\(failure.message))",
        hint: "Check that something listens there, and AllowTcpForwarding and PermitOpen in its sshd_config.")
    }
    settle()
    return SSHChannel(session: self, id: state.id)
  }
}
