// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// The keys to log in with, in the order in which a server sees them: from the agent those that the configuration names,
/// then its others, then the files'. Servers count every key that they refuse.
struct KeyRing: Sendable {
  struct Candidate: Sendable {
    enum Source: Sendable {
      case agent(SSHAgent.Identity)
      case file(IdentityFile)
    }
    var source: Source
    /// `nil`: only its passphrase shows which key it is.
    var key: HostKey?
    /// How a message calls it.
    var name: String
    /// What an RSA key signs with.
    var hash = RSAHash.sha256
  }

  enum RSAHash: String, Sendable {
    case sha256 = "rsa-sha2-256"
    case sha512 = "rsa-sha2-512"
  }

  private(set) var candidates: [Candidate] = []
  private(set) var agent: SSHAgent?

  static let canSign: Set<String> = [
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
  ]

  /// Reads what is there; what cannot be used is noted. The agent's connection must be closed in the end.
  static func load(_ credentials: SSHCredentials, _ attempts: inout AuthenticationAttempts) async -> KeyRing {
    var ring = KeyRing()
    guard credentials.ways.contains(.publicKey) else { return ring }
    var files: [IdentityFile] = []
    var named: Set<HostKey> = []
    for path in credentials.identityFiles {
      do throws(IdentityFile.Problem) {
        let file = try IdentityFile(path)
        files.append(file)
        if let key = file.publicKey { named.insert(key) }
      } catch {
        switch error {
        case .publicKey(let key): named.insert(key)
        case .missing:
          // The public half alone says which of the agent's keys is meant.
          if let key = IdentityFile.publicHalf(of: path) { named.insert(key) } else { attempts.missing.append(path) }
        case .unreadable: attempts.note("\(path): cannot be read")
        case .notAKey, .wrongPassphrase, .unsupported, .foreign: attempts.note("\(path): is not a private key")
        }
      }
    }
    await ring.addAgent(credentials, named, &attempts)
    for file in files {
      // Once from the agent is enough.
      if let key = file.publicKey, ring.candidates.contains(where: { $0.key == key }) { continue }
      ring.add(Candidate(source: .file(file), key: file.publicKey, name: file.path.string), &attempts)
    }
    return ring
  }

  private mutating func addAgent(
    _ credentials: SSHCredentials, _ named: Set<HostKey>, _ attempts: inout AuthenticationAttempts
  ) async {
    guard let socket = credentials.agentSocket else {
      attempts.note("no ssh-agent (SSH_AUTH_SOCK is not set)")
      return
    }
    do {
      let agent = try SSHAgent(socket: socket)
      self.agent = agent
      var identities = try await agent.identities()
      if credentials.identitiesOnly { identities.removeAll { !named.contains($0.key) } }
      if identities.isEmpty {
        attempts.note("ssh-agent holds no key\(credentials.identitiesOnly ? " that IdentityFile names" : "")")
      }
      identities = identities.filter { named.contains($0.key) } + identities.filter { !named.contains($0.key) }
      for identity in identities {
        let key = identity.key
        let name = "\(key.type) \(key.fingerprint) from ssh-agent (\(identity.comment))"
        add(Candidate(source: .agent(identity), key: key, name: name), &attempts)
      }
    } catch {
      attempts.note("ssh-agent at \(socket): \(error)")
    }
  }

  private mutating func add(_ candidate: Candidate, _ attempts: inout AuthenticationAttempts) {
    guard let type = candidate.key?.type, !Self.canSign.contains(type) else {
      candidates.append(candidate)
      return
    }
    let kind =
      type.hasPrefix("sk-") ? "FIDO keys" : type.contains("-cert-") ? "certificates" : "keys of type \(type)"
    attempts.noteUnsupported("\(candidate.name): \(kind) cannot be used with libssh2")
  }

  var isEmpty: Bool { candidates.isEmpty }

  mutating func takeNext() -> Candidate? { candidates.isEmpty ? nil : candidates.removeFirst() }

  /// To be tried when all others have been.
  mutating func addLater(_ candidate: Candidate) { candidates.append(candidate) }

  func close() async { await agent?.close() }
}
