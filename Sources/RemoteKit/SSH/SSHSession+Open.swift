// SPDX-License-Identifier: Apache-2.0

extension SSHSession {
  /// Connects to what `resolution` names, checks the host's key and logs in.
  /// - Parameter timeout: for the TCP connection and the key exchange together, then for each answer.
  static func open(
    host: String, resolution: HostResolution, options: ConnectionOptions, timeout: Duration
  ) async throws -> SSHSession {
    for (option, value) in [
      ("ProxyJump", resolution.proxyJump), ("ProxyCommand", resolution.proxyCommand),
    ] {
      guard let value else { continue }
      throw RemoteError(
        .unsupported, host: host,
        "the ssh configuration sets \(option) (\(value)), which is not supported yet",
        hint: "Name an address that this machine reaches directly.")
    }
    let names = resolution.knownHostsNames
    let check = HostKeyCheck(
      host: host, name: names.name, plainName: names.plain, userFiles: resolution.userKnownHosts,
      globalFiles: resolution.globalKnownHosts, acceptNew: options.acceptNewHostKey,
      hashNames: resolution.hashKnownHosts)
    let silence = resolution.serverAliveInterval
    let keepAlive =
      silence > .zero
      ? KeepAlive(interval: silence, count: resolution.serverAliveCount) : KeepAlive()
    try SSHLibraryReport.current.requireUsable(host: host)
    let session = try SSHSession(host: host, keepAlive: keepAlive)
    do {
      let key = try await session.connect(
        to: resolution.hostName, port: resolution.port, hostKeyTypes: check.preference,
        deadline: .now + timeout)
      try check.check(key)
      try await session.authenticate(
        SSHCredentials(resolution, options: options),
        timeout: timeout)
      await session.startKeepAlive()
      return session
    } catch {
      await session.close()
      throw error
    }
  }
}
