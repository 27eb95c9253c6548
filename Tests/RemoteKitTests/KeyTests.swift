// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import SystemPackage
import Testing

@testable import RemoteKit

/// Keys from files, in each format that ssh-keygen writes, against real servers.
@Suite(.serialized) struct KeyTests {
  struct Kind: Sendable, CustomTestStringConvertible {
    var type: String
    var bits: Int?
    var format: String?
    var passphrase = ""
    var options: [String] = []

    var testDescription: String {
      "\(type)\(bits.map { " \($0)" } ?? "") \(format ?? "openssh")\(passphrase.isEmpty ? "" : " encrypted") "
        + options.joined(separator: " ")
    }
  }

  static let kinds: [Kind] =
    [2048, 3072, 4096].flatMap { bits in [nil, "PEM", "PKCS8"].map { Kind(type: "rsa", bits: bits, format: $0) } }
    + [256, 384, 521].flatMap { bits in [nil, "PEM", "PKCS8"].map { Kind(type: "ecdsa", bits: bits, format: $0) } }
    + [Kind(type: "ed25519")]

  /// How ssh-keygen encrypts: a cheap derivation, but for one, so that a debug build tries it in time.
  static let encrypted: [Kind] =
    [
      Kind(type: "ed25519", options: ["-a", "16"]), Kind(type: "rsa", bits: 3072, options: ["-a", "2"]),
      Kind(type: "ecdsa", bits: 384, options: ["-a", "2", "-Z", "aes128-cbc"]),
      Kind(type: "rsa", bits: 2048, options: ["-a", "2", "-Z", "aes192-ctr"]),
    ] + ["rsa", "ecdsa"].flatMap { type in ["PEM", "PKCS8"].map { Kind(type: type, format: $0) } }

  /// Made once, since long RSA keys take their time.
  private static let made = Mutex<[String: String]>([:])

  private func make(_ kind: Kind, _ server: Sshd, passphrase: String = "") throws {
    let key = server.path("key")
    let name = "\(kind.type) \(kind.bits ?? 0)"
    if let text = Self.made.withLock({ $0[name] }) {
      try server.write("key", text)
      chmod(key, 0o600)
    } else {
      let bits = kind.bits.map { ["-b", String($0)] } ?? []
      try run(["ssh-keygen", "-q", "-t", kind.type, "-N", "", "-f", key] + bits, server)
      let text = try server.read("key")
      Self.made.withLock { $0[name] = text }
    }
    try server.write("authorized_keys", try Sshd.run("ssh-keygen", "-y", "-f", key))
    let format = kind.format.map { ["-m", $0] } ?? []
    try run(["ssh-keygen", "-q", "-p", "-N", passphrase, "-f", key] + format + kind.options, server)
    try server.configure("IdentityFile \(key)")
    // The file of the private half alone is enough.
    unlink(key + ".pub")
  }

  private func run(_ words: [String], _ server: Sshd) throws {
    let status = Sshd.wait(for: try Sshd.spawn(["/usr/bin/env"] + words, output: server.path("keygen")))
    guard status == 0 else { throw Sshd.Failure(description: "\(words): \(try server.read("keygen"))") }
  }

  private func logIn(_ server: Sshd, _ options: ConnectionOptions? = nil) async throws {
    try await HostConnection.connect(host: server.host, options: options ?? server.options()).close()
  }

  @Test(arguments: kinds) func aKeyLogsIn(_ kind: Kind) async throws {
    try await Sshd.with { server in
      try make(kind, server)
      try await logIn(server)
    }
  }

  @Test(arguments: encrypted) func anEncryptedKeyLogsInWithItsPassphrase(_ kind: Kind) async throws {
    try await Sshd.with { server in
      // RSA in PEM is read by a library that knows ASCII alone, the others are not.
      let right = kind.type == "rsa" && kind.format != nil ? "unlocked" : "ünlocked"
      try make(kind, server, passphrase: right)
      let asked = Mutex<[String]>([])
      try await logIn(
        server,
        server.options { prompt in
          asked.withLock { $0.append(prompt) }
          return prompt.contains("wrong") ? right : "a guess"
        })
      #expect(asked.withLock { $0.count } == 2)
      #expect(asked.withLock { $0.allSatisfy { $0.hasPrefix("lab: passphrase for \(server.path("key"))") } })
    }
  }

  @Test func aPassphraseThatCannotBeReadIsSaidToBe() async throws {
    try await Sshd.with { server in
      try make(Kind(type: "rsa", format: "PKCS8"), server, passphrase: "ünlocked")
      let error = await #expect(throws: RemoteError.self) {
        try await logIn(server, server.options { _ in "ünlocked" })
      }
      #expect(error?.message.contains("encrypted PEM with a passphrase beyond ASCII") ?? false)
      #expect(error?.message.contains("ssh-keygen -p -f FILE") ?? false)
    }
  }

  @Test func threeWrongPassphrasesAndThenTheNextKey() async throws {
    try await Sshd.with { server in
      try make(Kind(type: "rsa", options: ["-a", "1"]), server, passphrase: "right")
      let good = server.path("id")
      try server.write("authorized_keys", (try server.read("authorized_keys")) + (try server.read("id.pub")))
      try server.configure("IdentityFile \(server.path("key"))")
      let asked = Mutex(0)
      let options = server.options { _ in
        asked.withLock { $0 += 1 }
        return "wrong"
      }
      try await logIn(server, options)
      #expect(asked.withLock { $0 } == 3)
      try FileManager.default.removeItem(atPath: good)
      let error = await #expect(throws: RemoteError.self) { try await logIn(server, options) }
      #expect(error?.message.contains("\(server.path("key")): the passphrase is wrong") ?? false)
    }
  }

  /// A server may take one of RSA's signatures alone.
  @Test(arguments: ["rsa-sha2-256", "rsa-sha2-512"]) func aServerMayInsistOnOneHash(_ name: String) async throws {
    try await Sshd.with(extra: "PubkeyAcceptedAlgorithms \(name)") { server in
      try make(Kind(type: "rsa"), server)
      try await logIn(server)
      try await SSHAgentProcess.with(server) { agent in
        try agent.add(server.path("key"))
        try await logIn(server)
      }
    }
  }

  @Test(.enabled(if: Sshd.Account.isPossible), arguments: ["ed25519", "ecdsa"])
  func dropbearTakesThem(_ type: String) async throws {
    try await Sshd.with(.dropbear) { server in
      try make(Kind(type: type), server)
      try await logIn(server)
    }
  }

  /// libssh2 1.10 can only name the signature in the key itself, which dropbear does not take for the key.
  @Test(.enabled(if: Sshd.Account.isPossible)) func anRSAKeyAtDropbearWorksOrSaysWhatHelps() async throws {
    try await Sshd.with(.dropbear) { server in
      try make(Kind(type: "rsa"), server)
      if SSHLibraryReport.current.signsRSAByName {
        let error = await #expect(throws: RemoteError.self) { try await logIn(server) }
        #expect(error?.message.contains("servers other than OpenSSH may want another way") ?? false)
        #expect(error?.hint?.contains("transport: openssh") ?? false)
      } else {
        try await logIn(server)
      }
    }
  }

  @Test func aKeyThatIsTooShortIsSaidToBe() async throws {
    try await Sshd.with { server in
      try make(Kind(type: "rsa", bits: 1024), server)
      let error = await #expect(throws: RemoteError.self) { try await logIn(server) }
      #expect(error?.message.contains("RSA keys of less than 2048 bits") ?? false)
    }
  }

  /// Against OpenBSD's own: what ssh-keygen wrote is read back above; this holds the function still.
  @Test func bcryptIsTheSameAsEver() {
    let key = BcryptKDF.key(passphrase: Array("password".utf8), salt: Array("salt".utf8), count: 32, rounds: 4)
    #expect(
      key.map { String(format: "%02x", $0) }.joined()
        == "5bbf0cc293587f1c3635555c27796598d47e579071bf427e9d8fbe842aba34d9")
  }

  @Test func damagedFilesAreNoKeys() throws {
    let directory = FilePath("/tmp/remote-kit-keys.\(UInt32.random(in: 0...UInt32.max))")
    try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: directory.string) }
    let path = directory.appending("key")
    try Sshd.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path.string)
    let lines = try String(contentsOfFile: path.string, encoding: .utf8).split(separator: "\n")
    let body = Array(Data(base64Encoded: lines[1..<(lines.count - 1)].joined())!)
    // Cut at every place, and with every byte of the lengths spoilt.
    for count in stride(from: 0, to: body.count, by: 3) {
      for spoilt in [Array(body[..<count]), body[..<count] + [0xff] + body.dropFirst(count + 1)] {
        guard let container = OpenSSHContainer(spoilt) else { continue }
        _ = try? container.privateKey(passphrase: "")
      }
    }
    #expect(OpenSSHContainer(body) != nil)
    try "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
      .write(toFile: path.string, atomically: true, encoding: .utf8)
    #expect(throws: IdentityFile.Problem.notAKey) { try IdentityFile(path) }
  }
}

/// An ssh-agent of the test's own.
struct SSHAgentProcess: Sendable {
  let socket: String

  static func with<Value>(_ server: Sshd, _ body: (SSHAgentProcess) async throws -> Value) async throws -> Value {
    let socket = server.path("agent.\(UInt16.random(in: 0...UInt16.max))")
    let said = try Sshd.run("ssh-agent", "-a", socket)
    let agent = said.split(whereSeparator: { !$0.isNumber }).compactMap { pid_t($0) }.last
    defer { if let agent { kill(agent, SIGKILL) } }
    try server.configure("IdentityAgent \(socket)\nIdentitiesOnly no\nIdentityFile none")
    return try await body(SSHAgentProcess(socket: socket))
  }

  func add(_ key: String) throws { try Sshd.run("env", "SSH_AUTH_SOCK=\(socket)", "ssh-add", "-q", key) }
}
