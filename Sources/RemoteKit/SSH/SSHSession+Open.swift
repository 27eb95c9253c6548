// SPDX-License-Identifier: Apache-2.0

extension SSHSession {
  /// Connects over what `transport` makes, checks the host's key and logs in.
  /// - Parameter timeout: for the connection and the key exchange together, then for each answer.
  static func open(
    host: String, resolution: HostResolution, options: ConnectionOptions, timeout: Duration,
    over transport: @escaping @Sendable (_ deadline: ContinuousClock.Instant) throws -> any SSHTransport
  ) async throws -> SSHSession {
    let support = OptionSupport.findings(resolution)
    if let refusal = support.refusals.first {
      throw RemoteError(.unsupported, host: host, refusal, hint: OptionSupport.hint)
    }
    for notice in support.notices { options.notice(notice) }
    let names = resolution.knownHostsNames
    let check = HostKeyCheck(
      host: host, name: names.name, plainName: names.plain, userFiles: resolution.userKnownHosts,
      globalFiles: resolution.globalKnownHosts,
      acceptNew: try resolution.acceptsNewHostKey(options, host: host), hashNames: resolution.hashKnownHosts)
    try SSHLibraryReport.current.requireUsable(host: host)
    let methods = try SSHMethods(resolution, hostKeys: check.preference, host: host)
    let session = try SSHSession(host: host, keepAlive: resolution.keepAlive)
    do {
      let deadline = ContinuousClock.now + timeout
      let key = try await session.connect(methods, deadline: deadline) { try transport(deadline) }
      try check.check(key)
      try await session.authenticate(
        SSHCredentials(resolution, options: options),
        timeout: timeout)
      await session.startKeepAlive()
      return session
    } catch {
      await session.close()
      guard var refusal = error as? RemoteError, refusal.code == .authenticationRefused, !support.logins.isEmpty else {
        throw error
      }
      // Had the login succeeded without them, they would have changed nothing.
      refusal.message +=
        "\nNot tried, since libssh2 cannot do it, though the ssh configuration has it: "
        + support.logins.joined(separator: ", ")
      refusal.hint = (refusal.hint.map { $0 + "\n" } ?? "") + OptionSupport.hint
      throw refusal
    }
  }
}

extension HostResolution {
  /// Whether the key of a host that is not known may be written down. Throws ``RemoteError/Code/configuration`` where the
  /// configuration wants no check at all.
  func acceptsNewHostKey(_ options: ConnectionOptions, host: String) throws(RemoteError) -> Bool {
    guard hostKeyChecking != .no else {
      throw RemoteError(
        .configuration, host: host,
        "the ssh configuration sets 'StrictHostKeyChecking no' for \(originalName): that would hand the sources and the "
          + "registry's credentials to whoever answers, also where the host's key has changed. It is not done",
        hint: "Write 'StrictHostKeyChecking accept-new': a new host is then accepted unasked, a changed key never.")
    }
    return options.acceptNewHostKey || hostKeyChecking == .acceptNew
  }
}
