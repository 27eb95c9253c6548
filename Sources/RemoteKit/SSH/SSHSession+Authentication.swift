// SPDX-License-Identifier: Apache-2.0

internal import CLibSSH2
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// With what to log in.
struct SSHCredentials: Sendable {
  var user: String
  /// The agent's socket, where there is one.
  var agentSocket: FilePath?
  var identityFiles: [FilePath]
  /// Only the keys that `identityFiles` name, also from the agent.
  var identitiesOnly: Bool
  var askPassphrase: @Sendable (_ prompt: String) async -> String?
}

extension SSHSession {
  /// Logs in; `timeout` is for each answer of the server. Throws ``RemoteError/Code/authenticationRefused``, naming what was tried and why each was refused.
  func authenticate(_ credentials: SSHCredentials, timeout: Duration) async throws {
    await sessionTurn.enter(isolation: self)
    defer { sessionTurn.leave() }
    var attempts = AuthenticationAttempts(host: host, user: credentials.user)
    do {
      // The keys come unasked: to ask for the ways to log in first would cost every login a round trip.
      if try await authenticateByAgent(credentials, &attempts, timeout) { return }
      for file in credentials.identityFiles {
        if try await authenticate(file, credentials, &attempts, timeout) { return }
      }
      guard let ways = try await waysToLogIn(credentials.user, timeout) else { return }
      if !ways.split(separator: ",").contains("publickey") {
        attempts.note("the server offers no login by key, only: \(ways)")
      }
      throw attempts.refusal
    } catch let error as RemoteError where error.code == .connectionLost && !attempts.isEmpty {
      attempts.note("then the server closed the connection, as it does after too many keys")
      throw attempts.refusal
    } catch {
      throw remoteError(error, "logging in")
    }
  }

  /// What the server offers, separated by commas; `nil` where it let the user in without anything.
  private func waysToLogIn(_ user: String, _ timeout: Duration) async throws -> String? {
    try await perform("asking for the ways to log in", before: .now + timeout) {
      if let list = libssh2_userauth_list(engine.session, user, UInt32(user.utf8.count)) {
        return .done(String(cString: list))
      }
      if libssh2_userauth_authenticated(engine.session) != 0 { return .done(nil) }
      _ = try engine.step(Int(libssh2_session_last_errno(engine.session)))
      return .wouldBlock
    }
  }

  private func authenticateByAgent(
    _ credentials: SSHCredentials, _ attempts: inout AuthenticationAttempts, _ timeout: Duration
  ) async throws -> Bool {
    guard let socket = credentials.agentSocket else {
      attempts.note("no ssh-agent (SSH_AUTH_SOCK is not set)")
      return false
    }
    let agent: SSHAgent
    do {
      agent = try SSHAgent(socket: socket)
    } catch {
      attempts.note("ssh-agent at \(socket): \(error)")
      return false
    }
    do {
      let accepted = try await tryKeys(of: agent, credentials, &attempts, timeout)
      await agent.close()
      return accepted
    } catch {
      await agent.close()
      throw error
    }
  }

  private func tryKeys(
    of agent: SSHAgent, _ credentials: SSHCredentials, _ attempts: inout AuthenticationAttempts,
    _ timeout: Duration
  ) async throws -> Bool {
    var identities: [SSHAgent.Identity]
    do {
      identities = try await agent.identities()
    } catch {
      attempts.note("ssh-agent: \(error)")
      return false
    }
    // Keys that the configuration names come first; servers count every key that they are shown.
    let named = credentials.identityFiles.compactMap { file in
      (try? IdentityFile(file))?.publicKey ?? IdentityFile.publicHalf(of: file)
    }
    if credentials.identitiesOnly { identities.removeAll { !named.contains($0.key) } }
    identities =
      identities.filter { named.contains($0.key) } + identities.filter { !named.contains($0.key) }
    if identities.isEmpty {
      attempts.note(
        "ssh-agent holds no key\(credentials.identitiesOnly ? " that IdentityFile names" : "")")
    }
    for identity in identities {
      let what =
        "\(identity.key.type) \(identity.key.fingerprint) from ssh-agent (\(identity.comment))"
      guard Self.canSign.contains(identity.key.type) else {
        attempts.note("\(what): keys of this type are not supported")
        continue
      }
      attempts.shown.insert(identity.key)
      do {
        if try await offer(
          identity.key, credentials.user, timeout,
          sign: { try await agent.sign($0, with: identity.key) })
        {
          return true
        }
        attempts.note("\(what): the server does not accept it for '\(credentials.user)'")
      } catch let failure as SSHAgent.Failure {
        attempts.note("\(what): the agent did not sign: \(failure)")
      }
    }
    return false
  }

  private static let canSign: Set<String> = [
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
  ]

  private func authenticate(
    _ path: FilePath, _ credentials: SSHCredentials, _ attempts: inout AuthenticationAttempts,
    _ timeout: Duration
  ) async throws -> Bool {
    let file: IdentityFile
    do throws(IdentityFile.Problem) {
      file = try IdentityFile(path)
    } catch {
      switch error {
      case .missing: attempts.missing.append(path)
      case .unreadable: attempts.note("\(path): cannot be read")
      case .notAKey: attempts.note("\(path): is not a private key")
      }
      return false
    }
    if let key = file.publicKey {
      if attempts.shown.contains(key) { return false }
      if key.type == "ssh-rsa" {
        attempts.note("\(path): RSA keys work from ssh-agent only; add it there: ssh-add \(path)")
        return false
      }
      guard Self.canSign.contains(key.type) else {
        attempts.note("\(path): keys of type \(key.type) are not supported")
        return false
      }
      attempts.shown.insert(key)
      // Nobody is asked for the passphrase of a key that the server would refuse.
      if file.isEncrypted, try await !isAcceptable(key, credentials.user, timeout) {
        attempts.note("\(path): the server does not accept it for '\(credentials.user)'")
        return false
      }
    }
    var passphrase = ""
    for attempt in 1...(file.isEncrypted ? 3 : 1) {
      if file.isEncrypted {
        let again = attempt > 1 ? " (wrong, try again)" : ""
        guard let answer = await credentials.askPassphrase("Passphrase for \(path)\(again): ")
        else {
          attempts.note("\(path): is encrypted, and no passphrase was given")
          return false
        }
        passphrase = answer
      }
      do {
        let user = credentials.user
        _ = try await perform("logging in", before: .now + timeout) {
          try engine.step(
            Int(
              libssh2_userauth_publickey_fromfile_ex(
                engine.session, user, UInt32(user.utf8.count), nil, path.string, passphrase)))
        }
        return true
      } catch let error as LibSSH2Failure {
        if error.code == .authenticationFailed || error.code == .keyNotVerified {
          attempts.note("\(path): the server does not accept it for '\(credentials.user)'")
          return false
        }
        if !file.isEncrypted {
          attempts.note("\(path): \(error.message)")
          return false
        }
      }
    }
    attempts.note("\(path): the passphrase is wrong")
    return false
  }

  /// Whether the server would take the key, found out without a signature.
  private func isAcceptable(
    _ key: HostKey, _ user: String, _ timeout: Duration
  ) async throws -> Bool {
    struct Wanted: Error {}
    do {
      return try await offer(key, user, timeout) { _ in throw Wanted() }
    } catch is Wanted {
      return true
    }
  }

  /// Shows the server a public key, and signs with `sign` when it wants it. Returns false when the server refuses.
  private func offer(
    _ key: HostKey, _ user: String, _ timeout: Duration,
    sign: @Sendable ([UInt8]) async throws -> [UInt8]
  ) async throws -> Bool {
    let blob = key.blobForSigning
    signing = SigningRequest()
    do {
      while true {
        let isSigned = try await perform("logging in", before: .now + timeout) {
          try signingStep(blob, user)
        }
        if isSigned { return true }
        let data = signing.data
        do {
          signing.signature = try await sign(data)
        } catch {
          // Once more, so that libssh2 lets go of the attempt.
          signing.isRefused = true
          _ = try? await perform("logging in", before: .now + timeout) {
            try signingStep(blob, user)
          }
          throw error
        }
      }
    } catch let error as LibSSH2Failure
      where error.code == .authenticationFailed || error.code == .keyNotVerified
    {
      return false
    }
  }

  /// Done with `false` when libssh2 waits for a signature.
  private func signingStep(_ blob: [UInt8], _ user: String) throws -> SSHStep<Bool> {
    // libssh2 hands the callback a pointer to this pointer.
    var abstract: UnsafeMutableRawPointer? = Unmanaged.passUnretained(signing).toOpaque()
    let result = libssh2_userauth_publickey(
      engine.session, user, blob, blob.count, SigningRequest.callback, &abstract)
    if case .done = try engine.step(Int(result)) { return .done(true) }
    return signing.isWaiting ? .done(false) : .wouldBlock
  }
}

extension HostKey {
  /// libssh2 takes the signature's algorithm from the key's type, and knows no RSA with SHA-2: the type is renamed,
  /// which servers accept since both names mean an RSA key (RFC 8332).
  fileprivate var blobForSigning: [UInt8] {
    guard type == "ssh-rsa" else { return blob }
    var writer = SSHBlobWriter()
    writer.write(Array("rsa-sha2-256".utf8))
    return writer.bytes + blob.dropFirst(4 + type.utf8.count)
  }
}

/// What passes between libssh2's signing callback, which cannot wait, and the task that signs.
final class SigningRequest {
  var data: [UInt8] = []
  var signature: [UInt8]?
  var isRefused = false
  var isWaiting: Bool { !data.isEmpty && signature == nil }

  static let callback:
    @convention(c) (
      OpaquePointer?, UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?,
      UnsafeMutablePointer<Int>?,
      UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CInt = { _, signature, length, data, count, abstract in
      guard let opaque = abstract?.pointee, let signature, let length else { return -1 }
      let request = Unmanaged<SigningRequest>.fromOpaque(opaque).takeUnretainedValue()
      if request.isRefused { return -1 }
      guard let bytes = request.signature else {
        request.data = Array(UnsafeBufferPointer(start: data, count: count))
        return CInt(LIBSSH2_ERROR_EAGAIN)
      }
      // libssh2 frees it with its own allocator, which is malloc's.
      guard let copy = malloc(bytes.count)?.assumingMemoryBound(to: UInt8.self) else { return -1 }
      copy.update(from: bytes, count: bytes.count)
      signature.pointee = copy
      length.pointee = bytes.count
      return 0
    }
}
