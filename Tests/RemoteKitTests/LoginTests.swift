// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import SystemPackage
import Testing

@testable import RemoteKit

@Suite struct LoginTests {
  private func refusal(_ server: Sshd, _ options: ConnectionOptions? = nil) async throws
    -> RemoteError
  {
    do {
      let connection = try await HostConnection.connect(
        host: server.host, options: options ?? server.options())
      await connection.close()
      throw Sshd.Failure(description: "the login succeeded")
    } catch let error as RemoteError {
      return error
    }
  }

  private func accepts(_ server: Sshd, _ options: ConnectionOptions? = nil) async throws {
    let connection = try await HostConnection.connect(
      host: server.host, options: options ?? server.options())
    await connection.close()
  }

  @Test(arguments: Sshd.Kind.here) func aKnownHostIsAccepted(_ kind: Sshd.Kind) async throws {
    try await Sshd.with(kind) { try await accepts($0) }
  }

  @Test(arguments: Sshd.Kind.here) func anUnknownHostIsRefusedUntilAccepted(_ kind: Sshd.Kind) async throws {
    try await Sshd.with(kind) { server in
      try server.write("known_hosts", "# nobody, and no newline at the end")
      let error = try await refusal(server)
      #expect(error.code == .unknownHostKey)
      let fingerprint = try Sshd.run("ssh-keygen", "-lf", server.path("host.pub")).split(
        separator: " ")[1]
      #expect(error.description.contains(fingerprint))
      #expect(error.description.contains("--accept-new-host-key"))
      try await accepts(server, server.options(acceptNew: true))
      try await accepts(server)
      #expect(try server.read("known_hosts").contains("[127.0.0.1]:\(server.port) ssh-ed25519 "))
    }
  }

  @Test func aNewHostMayBeWrittenHashed() async throws {
    try await Sshd.with { server in
      try server.write("known_hosts", "")
      try server.configure("HashKnownHosts yes")
      try await accepts(server, server.options(acceptNew: true))
      #expect(try server.read("known_hosts").hasPrefix("|1|"))
      try await accepts(server)
      #expect(
        try Sshd.run(
          "ssh-keygen", "-F", "[127.0.0.1]:\(server.port)", "-f", server.path("known_hosts")
        ).contains("found"))
    }
  }

  @Test func aChangedKeyIsRefusedWithoutAWayAround() async throws {
    try await Sshd.with { server in
      try server.write("known_hosts", "\n[127.0.0.1]:\(server.port) " + (try server.read("id.pub")))
      let error = try await refusal(server, server.options(acceptNew: true))
      #expect(error.code == .changedHostKey)
      #expect(error.message.contains("known_hosts:2"))
    }
  }

  @Test func aRevokedKeyIsRefusedThoughItIsKnown() async throws {
    try await Sshd.with { server in
      let line = try server.read("known_hosts")
      try server.write("known_hosts", line + "@revoked * " + (try server.read("host.pub")))
      #expect(try await refusal(server).code == .revokedHostKey)
    }
  }

  @Test(arguments: Sshd.Kind.here) func aWrongKeyIsRefusedAndNamed(_ kind: Sshd.Kind) async throws {
    try await Sshd.with(kind) { server in
      try Sshd.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", server.path("other"))
      try server.write("authorized_keys", try server.read("other.pub"))
      let error = try await refusal(server)
      #expect(error.code == .authenticationRefused)
      #expect(error.message.contains("\(server.path("id")): the server does not accept it"))
    }
  }

  @Test func aServerWithoutLoginByKeyIsNamedSo() async throws {
    try await Sshd.with(extra: "PubkeyAuthentication no\nHostbasedAuthentication yes") { server in
      let error = try await refusal(server)
      #expect(error.code == .authenticationRefused)
      #expect(error.message.contains("the server offers no login by key, only: hostbased"))
    }
  }

  @Test func aKeyIsShownWithoutAskingForTheWaysFirst() async throws {
    try await Sshd.with(extra: "LogLevel DEBUG1") { server in
      try await accepts(server)
      let log = try server.read("log")
      #expect(log.contains("service ssh-connection method publickey"))
      #expect(!log.contains("service ssh-connection method none"))
    }
  }

  @Test(arguments: ["ed25519", "ecdsa"])
  func anEncryptedKeyAsksForItsPassphrase(type: String) async throws {
    try await Sshd.with { server in
      try Sshd.run("ssh-keygen", "-q", "-t", type, "-N", "open sesame", "-f", server.path("locked"))
      try server.write("authorized_keys", try server.read("locked.pub"))
      try server.configure("IdentityFile \(server.path("locked"))")
      let asked = Mutex(0)
      try await accepts(
        server,
        server.options { prompt in
          asked.withLock { $0 += 1 }
          return prompt.contains("wrong") ? "open sesame" : "a guess"
        })
      #expect(asked.withLock { $0 } == 2)
      let error = try await refusal(server, server.options { _ in nil })
      #expect(error.message.contains("is encrypted, and no passphrase was given"))
      // Nobody is asked when the server would refuse the key.
      try server.write("authorized_keys", "")
      asked.withLock { $0 = 0 }
      let other = try await refusal(
        server,
        server.options { _ in
          asked.withLock {
            $0 += 1
            return "x"
          }
        })
      #expect(other.code == .authenticationRefused)
      #expect(asked.withLock { $0 } == 0)
    }
  }

  @Test func anRSAHostKeyThatCannotBeCheckedIsSaidToBe() async throws {
    try await Sshd.with { server in
      try Sshd.run("ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", server.path("rsa"))
      try server.write("known_hosts", "[127.0.0.1]:\(server.port) " + (try server.read("rsa.pub")))
      let error = try await refusal(server)
      #expect(error.code == .changedHostKey)
      #expect(error.message.contains("a key of another type"))
      #expect(error.hint?.contains("UpdateHostKeys") ?? false)
      // One of the known type, but another, is changed as ever.
      try server.write("known_hosts", "[127.0.0.1]:\(server.port) " + (try server.read("id.pub")))
      #expect(try await refusal(server).message.contains("the host's key is not the one that"))
    }
  }

  @Test(arguments: ["ed25519", "ecdsa", "rsa"])
  func aKeyFromTheAgentLogsIn(type: String) async throws {
    try await Sshd.with { server in
      let socket = server.path("agent")
      let said = try Sshd.run("ssh-agent", "-a", socket)
      let agent = said.split(whereSeparator: { !$0.isNumber }).compactMap { pid_t($0) }.last
      defer { if let agent { kill(agent, SIGKILL) } }
      try Sshd.run("ssh-keygen", "-q", "-t", type, "-N", "", "-f", server.path("held"))
      try Sshd.run("env", "SSH_AUTH_SOCK=\(socket)", "ssh-add", "-q", server.path("held"))
      try server.write("authorized_keys", try server.read("held.pub"))
      try server.configure("IdentityAgent \(socket)\nIdentitiesOnly no")
      try await accepts(server)
      // The agent has the key, but the configuration allows another one alone.
      try server.configure("IdentityAgent \(socket)")
      let error = try await refusal(server)
      #expect(error.message.contains("ssh-agent holds no key that IdentityFile names"))
    }
  }

  @Test func nobodyListens() async throws {
    try await Sshd.with { server in
      let host = Host(name: "gone", address: .ssh(name: "127.0.0.1", user: nil, port: 1))
      let error = await #expect(throws: RemoteError.self) {
        try await HostConnection.connect(host: host, options: server.options())
      }
      #expect(error?.code == .unreachable)
      #expect(error?.host == "gone")
      let nowhere = Host(
        name: "nowhere", address: .ssh(name: "no-such-host.invalid", user: nil, port: nil))
      let other = await #expect(throws: RemoteError.self) {
        try await HostConnection.connect(host: nowhere, options: server.options())
      }
      #expect(other?.code == .unreachable)
    }
  }

  @Test func aServerThatNeverSpeaksIsGivenUp() async throws {
    try await Sshd.with { server in
      kill(server.processID, SIGSTOP)
      defer { kill(server.processID, SIGCONT) }
      try server.configure("ConnectTimeout 1")
      #expect(try await refusal(server).code == .timedOut)
    }
  }
}
