// SPDX-License-Identifier: Apache-2.0

internal import CLibSSH2
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

extension SSHSession {
  /// Shows the keys that are left, one after another, until one is accepted.
  func logIn(
    by keys: inout KeyRing, _ credentials: SSHCredentials, _ attempts: inout AuthenticationAttempts,
    _ timeout: Duration
  ) async throws -> Login {
    var last = Login.skipped
    while let candidate = keys.takeNext() {
      let login: Login
      switch candidate.source {
      case .agent(let identity):
        login = try await logIn(by: identity, keys.agent, candidate, credentials.user, &attempts, timeout)
      case .file(let file): login = try await logIn(by: file, candidate, credentials, &attempts, timeout)
      }
      switch login {
      case .accepted, .partial: return login
      case .refused: last = .refused
      case .skipped: continue
      }
      // Some servers take the one signature alone; but each attempt counts, so the other one comes last.
      if candidate.key?.type == "ssh-rsa", candidate.hash == .sha256, SSHLibraryReport.current.signsRSAByName {
        var other = candidate
        other.hash = .sha512
        keys.addLater(other)
      }
      // A server that lets nobody in by key need not see the others.
      if let refusal = engine.refusal, !refusal.ways.contains("publickey") { break }
    }
    return last
  }

  private func logIn(
    by identity: SSHAgent.Identity, _ agent: SSHAgent?, _ candidate: KeyRing.Candidate, _ user: String,
    _ attempts: inout AuthenticationAttempts, _ timeout: Duration
  ) async throws -> Login {
    guard let agent else { return .skipped }
    attempts.shown.insert(identity.key)
    do {
      let login = try await offer(identity.key, candidate.hash, user, timeout) { data, algorithm in
        try await agent.sign(data, with: identity.key, algorithm: algorithm)
      }
      note(login, candidate, user, &attempts)
      return login
    } catch let failure as SSHAgent.Failure {
      attempts.note("\(candidate.name): the agent did not sign: \(failure)")
      return .skipped
    }
  }

  private func logIn(
    by file: IdentityFile, _ candidate: KeyRing.Candidate, _ credentials: SSHCredentials,
    _ attempts: inout AuthenticationAttempts, _ timeout: Duration
  ) async throws -> Login {
    let user = credentials.user
    if let key = file.publicKey {
      attempts.shown.insert(key)
      // Nobody is asked for the passphrase of a key that the server would refuse.
      if file.isEncrypted, try await !isAcceptable(key, candidate.hash, user, timeout) {
        note(.refused, candidate, user, &attempts)
        return .refused
      }
    }
    var passphrase = ""
    for attempt in 1...(file.isEncrypted ? 3 : 1) {
      if file.isEncrypted {
        let again = attempt > 1 ? " (wrong, try again)" : ""
        guard let answer = await credentials.askOne("\(host): passphrase for \(file.path)\(again): ") else {
          attempts.note("\(file.path): is encrypted, and no passphrase was given" + credentials.whyNobodyAnswered)
          return .skipped
        }
        passphrase = answer
      }
      do {
        let key = try file.privateKey(passphrase: passphrase)
        guard let shown = file.publicKey ?? key.publicKey else { throw IdentityFile.Problem.notAKey }
        attempts.shown.insert(shown)
        let login = try await offer(shown, candidate.hash, user, timeout) { data, algorithm in
          try key.sign(data, algorithm: algorithm)
        }
        note(login, candidate, user, &attempts)
        return login
      } catch let problem as IdentityFile.Problem {
        switch problem {
        case .wrongPassphrase: continue
        case .unsupported(let what):
          attempts.noteUnsupported("\(file.path): \(what) cannot be used; \(Self.newFormat)")
          return .skipped
        case .foreign(let what):
          // PEM's older encryptions, which libssh2 reads by means of its own cryptographic library.
          switch try await logInByLibrary(file.path, passphrase, user, timeout) {
          case .refused:
            attempts.wouldNeedOpenSSH = true
            attempts.noteTried(
              "\(file.path): the server does not accept it for '\(user)' (\(what); RSA would be signed with SHA-1; "
                + "\(Self.newFormat))")
            return .refused
          case let login?:
            note(login, candidate, user, &attempts)
            return login
          case nil:
            if file.isEncrypted && attempt < 3 { continue }
            attempts.noteUnsupported(
              "\(file.path): \(what) cannot be read\(file.isEncrypted ? ", or the passphrase is wrong" : ""); "
                + Self.newFormat)
            return .skipped
          }
        default:
          attempts.note("\(file.path): is not a private key")
          return .skipped
        }
      } catch let failure as SigningFailure {
        attempts.note("\(file.path): \(failure)")
        return .skipped
      }
    }
    attempts.note("\(file.path): the passphrase is wrong")
    return .skipped
  }

  private static let newFormat = "ssh-keygen -p -f FILE writes a key anew in OpenSSH's format"

  private func note(
    _ login: Login, _ candidate: KeyRing.Candidate, _ user: String, _ attempts: inout AuthenticationAttempts
  ) {
    switch login {
    case .partial: attempts.noteTried("\(candidate.name): accepted")
    case .refused:
      guard candidate.key?.type == "ssh-rsa", SSHLibraryReport.current.signsRSAByName else {
        return attempts.noteTried("\(candidate.name): the server does not accept it for '\(user)'")
      }
      // OpenSSH takes the key under the signature's name; servers that compare keys byte by byte, as dropbear, do not.
      attempts.wouldNeedOpenSSH = true
      attempts.noteTried(
        "\(candidate.name): the server does not accept it for '\(user)' (\(candidate.hash.rawValue), as libssh2 "
          + "\(SSHLibraryReport.current.version) can say it; servers other than OpenSSH may want another way)")
    case .accepted, .skipped: break
    }
  }

  /// `nil` where libssh2 cannot read the file with that passphrase either.
  private func logInByLibrary(
    _ path: FilePath, _ passphrase: String, _ user: String, _ timeout: Duration
  ) async throws -> Login? {
    do {
      _ = try await perform("logging in", before: .now + timeout) {
        try engine.step(
          Int(
            libssh2_userauth_publickey_fromfile_ex(
              engine.session, user, UInt32(user.utf8.count), nil, path.string, passphrase)))
      }
      return .accepted
    } catch let error as LibSSH2Failure where error.code.isRefusal && engine.refusal != nil {
      return engine.refusal?.isPartialSuccess ?? false ? .partial : .refused
    } catch is LibSSH2Failure {
      return nil
    }
  }

  /// Whether the server would take the key, found out without a signature.
  private func isAcceptable(
    _ key: HostKey, _ hash: KeyRing.RSAHash, _ user: String, _ timeout: Duration
  ) async throws -> Bool {
    struct Wanted: Error {}
    do {
      return if case .accepted = try await offer(key, hash, user, timeout, sign: { _, _ in throw Wanted() }) {
        true
      } else {
        false
      }
    } catch is Wanted {
      return true
    }
  }

  /// Shows the server a public key, and has `sign` sign when it wants it, by the algorithm that the data itself names.
  private func offer(
    _ key: HostKey, _ hash: KeyRing.RSAHash, _ user: String, _ timeout: Duration,
    sign: @Sendable (_ data: [UInt8], _ algorithm: String) async throws -> [UInt8]
  ) async throws -> Login {
    let blob = SSHLibraryReport.current.signsRSAByName ? key.named(hash) : key.blob
    signing = SigningRequest()
    engine.refusal = nil
    do {
      while true {
        let isSigned = try await perform("logging in", before: .now + timeout) {
          try signingStep(blob, user)
        }
        if isSigned { return .accepted }
        let data = signing.data
        do {
          signing.signature = try await sign(data, SigningRequest.algorithm(in: data) ?? key.type)
        } catch {
          // Once more, so that libssh2 lets go of the attempt.
          signing.isRefused = true
          _ = try? await perform("logging in", before: .now + timeout) {
            try signingStep(blob, user)
          }
          throw error
        }
      }
    } catch let error as LibSSH2Failure where error.code.isRefusal {
      return engine.refusal?.isPartialSuccess ?? false ? .partial : .refused
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
  /// libssh2 1.10 takes the signature's algorithm from the key's type, and knows no RSA with SHA-2: the type is renamed,
  /// which OpenSSH accepts since both names mean an RSA key (RFC 8332).
  fileprivate func named(_ hash: KeyRing.RSAHash) -> [UInt8] {
    guard type == "ssh-rsa" else { return blob }
    var writer = SSHBlobWriter()
    writer.write(Array(hash.rawValue.utf8))
    return writer.bytes + blob.dropFirst(4 + type.utf8.count)
  }
}

/// What passes between libssh2's signing callback, which cannot wait, and the task that signs.
final class SigningRequest {
  var data: [UInt8] = []
  var signature: [UInt8]?
  var isRefused = false
  var isWaiting: Bool { !data.isEmpty && signature == nil }

  /// What the server is told that the signature is (RFC 4252, section 7): session, request, user, service, method,
  /// whether signed, algorithm.
  static func algorithm(in data: [UInt8]) -> String? {
    var reader = SSHBlobReader(data)
    guard reader.readString() != nil, reader.readByte() == 50, reader.readString() != nil, reader.readString() != nil,
      reader.readString() != nil, reader.readByte() != nil
    else { return nil }
    return reader.readText()
  }

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
      // libssh2 frees it with the session's own allocator, which is malloc's.
      guard let copy = malloc(bytes.count)?.assumingMemoryBound(to: UInt8.self) else { return -1 }
      copy.update(from: bytes, count: bytes.count)
      signature.pointee = copy
      length.pointee = bytes.count
      return 0
    }
}
