// SPDX-License-Identifier: Apache-2.0

internal import CLibSSH2

extension SSHSession {
  /// What came of an attempt to log in.
  enum Login {
    case accepted
    case refused
    /// The server took it, and wants something else besides.
    case partial
    /// There was nothing to put before the server.
    case skipped
  }

  /// Servers may want several steps; one that always wants another is not followed for ever.
  private static let stepLimit = 8

  /// Logs in; `timeout` is for each answer of the server. Throws ``RemoteError/Code/authenticationRefused``, naming what
  /// was tried and why each was refused.
  func authenticate(_ credentials: SSHCredentials, timeout: Duration) async throws {
    await sessionTurn.enter(isolation: self)
    defer { sessionTurn.leave() }
    engine.watchesRefusals = true
    defer { engine.watchesRefusals = false }
    var attempts = AuthenticationAttempts(host: host, user: credentials.user)
    var keys = await KeyRing.load(credentials, &attempts)
    let count = keys.candidates.count
    do {
      try await logIn(credentials, &keys, &attempts, timeout)
      await keys.close()
    } catch {
      await keys.close()
      if let error = error as? RemoteError, error.code == .connectionLost, !attempts.isEmpty {
        let reason = engine.farewell.map { ": \($0)" } ?? ", as it does after too many attempts"
        attempts.note("then the server closed the connection" + reason)
        if count > 1 && !credentials.identitiesOnly {
          attempts.note("name the right key by IdentityFile, with IdentitiesOnly yes, so that only it is shown")
        }
        throw attempts.refusal
      }
      throw remoteError(error, "logging in")
    }
  }

  private func logIn(
    _ credentials: SSHCredentials, _ keys: inout KeyRing, _ attempts: inout AuthenticationAttempts, _ timeout: Duration
  ) async throws {
    var untried = credentials.ways
    // The keys come unasked: to ask for the ways to log in first would cost every login a round trip. A refusal tells them.
    var ways: [String]?
    let hasKeys = !keys.isEmpty
    if untried.first != .publicKey || !hasKeys {
      guard let offered = try await waysToLogIn(credentials.user, timeout) else { return }
      ways = offered
    }
    var steps = 1
    while let way = untried.first(where: { ways?.contains($0.rawValue) ?? ($0 == .publicKey) }) {
      engine.refusal = nil
      let login: Login
      switch way {
      case .publicKey: login = try await logIn(by: &keys, credentials, &attempts, timeout)
      case .keyboardInteractive: login = try await logInByKeyboard(credentials, &attempts, timeout)
      case .password: login = try await logInByPassword(credentials, &attempts, timeout)
      }
      if case .accepted = login { return }
      if let refusal = engine.refusal {
        ways = refusal.ways
      } else if case .skipped = login, ways != nil {
      } else {
        guard let offered = try await waysToLogIn(credentials.user, timeout) else { return }
        ways = offered
      }
      if case .partial = login {
        attempts.note("the server took that, and wants besides: \((ways ?? []).joined(separator: ", "))")
        steps += 1
        guard steps <= Self.stepLimit else { break }
        untried = credentials.ways
      } else {
        untried.removeAll { $0 == way }
      }
    }
    conclude(ways ?? [], credentials, hasKeys: hasKeys, &attempts)
    throw attempts.refusal
  }

  /// Says of what the server offers why it was not tried.
  private func conclude(
    _ ways: [String], _ credentials: SSHCredentials, hasKeys: Bool, _ attempts: inout AuthenticationAttempts
  ) {
    let shown = ways.joined(separator: ", ")
    if credentials.ways.contains(.publicKey) && !ways.contains("publickey") && hasKeys {
      attempts.note("the server offers no login by key, only: \(shown)")
    } else {
      attempts.note("the server offers: \(shown)")
    }
    for way in SSHCredentials.Way.allCases where ways.contains(way.rawValue) && !credentials.ways.contains(way) {
      attempts.note("\(way.rawValue): switched off in the ssh configuration")
    }
    for way in ways where way == "gssapi-with-mic" || way == "hostbased" {
      attempts.noteUnsupported("\(way): cannot be done with libssh2")
    }
    for file in credentials.certificates where ways.contains("publickey") {
      attempts.noteUnsupported("\(file): certificates cannot be used with libssh2")
    }
  }

  /// What the server offers; `nil` where it let the user in without anything.
  private func waysToLogIn(_ user: String, _ timeout: Duration) async throws -> [String]? {
    try await perform("asking for the ways to log in", before: .now + timeout) {
      if let last = waysList {
        // libssh2 forgets the former list when it makes a new one.
        libssh2_free(engine.session, last)
        waysList = nil
      }
      if let list = libssh2_userauth_list(engine.session, user, UInt32(user.utf8.count)) {
        waysList = list
        return .done(String(cString: list).split(separator: ",").map(String.init))
      }
      if libssh2_userauth_authenticated(engine.session) != 0 { return .done(nil) }
      _ = try engine.step(Int(libssh2_session_last_errno(engine.session)))
      return .wouldBlock
    }
  }
}
