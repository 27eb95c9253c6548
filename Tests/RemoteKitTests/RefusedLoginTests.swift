// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing

@testable import RemoteKit

/// What cannot work says so by name, with what helps.
@Suite struct RefusedLoginTests {
  private func refusal(_ server: Sshd) async throws -> RemoteError {
    let error = await #expect(throws: RemoteError.self) {
      try await HostConnection.connect(host: server.host, options: server.options()).close()
    }
    return try #require(error)
  }

  @Test func tooManyKeysInTheAgent() async throws {
    try await Sshd.with { server in
      try await SSHAgentProcess.with(server) { agent in
        for number in 0..<10 {
          try Sshd.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", server.path("key\(number)"))
          try agent.add(server.path("key\(number)"))
        }
        // The tenth comes too late among all, but not where it is named.
        try server.write("authorized_keys", try server.read("key9.pub"))
        let error = try await refusal(server)
        #expect(error.code == .authenticationRefused)
        #expect(error.message.contains("the server closed the connection: Too many authentication failures"))
        #expect(error.message.contains("IdentitiesOnly yes"))
        #expect(error.message.matches(of: /from ssh-agent .*does not accept it/).count >= 5)
        let named = "IdentityAgent \(agent.socket)\nIdentityFile \(server.path("key9.pub"))\n"
        for lines in [named + "IdentitiesOnly yes", named + "IdentitiesOnly no"] {
          try server.configure(lines)
          try await HostConnection.connect(host: server.host, options: server.options()).close()
        }
        // As many as ssh shows are shown: the sixth is still heard.
        try server.configure("IdentityAgent \(agent.socket)\nIdentitiesOnly no\nIdentityFile none")
        let listed = try Sshd.run("env", "SSH_AUTH_SOCK=\(agent.socket)", "ssh-add", "-L").split(separator: "\n")
        try server.write("authorized_keys", listed[5] + "\n")
        try await HostConnection.connect(host: server.host, options: server.options()).close()
      }
    }
  }

  @Test func aHostWithAnRSAKeyAlone() async throws {
    try await Sshd.with { server in
      try Sshd.run("ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", server.path("rsa"))
      try await Sshd.with(extra: "# \(server.port)", hostKey: server.path("rsa")) { other in
        try other.write("known_hosts", "[127.0.0.1]:\(other.port) " + (try server.read("rsa.pub")))
        guard SSHLibraryReport.current.signsRSAByName else {
          return try await HostConnection.connect(host: other.host, options: other.options()).close()
        }
        let error = try await refusal(other)
        #expect(error.code == .unsupported)
        #expect(error.message.contains("host key: the server offers rsa-sha2-512, rsa-sha2-256 alone"))
        #expect(error.message.contains("lacks: rsa-sha2 host keys"))
        #expect(error.hint?.contains("transport: openssh") ?? false)
      }
    }
  }

  @Test(arguments: [
    ("KexAlgorithms sntrup761x25519-sha512@openssh.com", "key exchange: the server offers sntrup761x25519-sha512"),
    ("Ciphers chacha20-poly1305@openssh.com", "cipher: the server offers chacha20-poly1305@openssh.com alone"),
    ("MACs hmac-sha2-256-etm@openssh.com", "MAC: the server offers hmac-sha2-256-etm@openssh.com alone"),
  ])
  func aHostThatOffersNothingThatWeAskFor(_ line: String, _ said: String) async throws {
    try await Sshd.with(extra: line) { server in
      let error = try await refusal(server)
      #expect(error.code == .unsupported)
      #expect(error.message.contains(said))
    }
  }

  @Test func aHostThatWantsCertificates() async throws {
    try await Sshd.with { server in
      try Sshd.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", server.path("authority"))
      try Sshd.run(
        "ssh-keygen", "-q", "-s", server.path("authority"), "-I", "lab", "-n", NSUserName(), server.path("id.pub"))
      try await Sshd.with(extra: "TrustedUserCAKeys \(server.path("authority.pub"))") { other in
        try other.write("authorized_keys", "")
        try other.configure("IdentityFile \(server.path("id"))")
        let error = try await refusal(other)
        #expect(error.message.contains("\(server.path("id"))-cert.pub: certificates cannot be used with libssh2"))
        #expect(error.hint?.contains("transport: openssh") ?? false)
        try await SSHAgentProcess.with(other) { agent in
          try agent.add(server.path("id"))
          let error = try await refusal(other)
          #expect(error.message.contains("certificates cannot be used with libssh2"))
        }
      }
    }
  }
}

@Suite struct LibraryReportTests {
  @Test func theOldestAreRefused() throws {
    #expect(throws: RemoteError.self) { try SSHLibraryReport(version: "1.9.0").requireUsable(host: "lab") }
    #expect(!SSHLibraryReport(version: "1.8.0-20190401").isUsable)
    #expect(!SSHLibraryReport(version: "").isUsable)
    try SSHLibraryReport.current.requireUsable(host: "lab")
  }

  @Test func eachVersionHasItsHoles() {
    func exposed(_ version: String) -> Set<String> {
      Set(SSHLibraryReport(version: version).findings.filter(\.isExposed).map(\.id))
    }
    #expect(!exposed("1.10.0").contains("CVE-2026-55199"))
    #expect(exposed("1.11.1").contains("CVE-2026-55199"))
    #expect(!exposed("1.11.1").contains("CVE-2026-55200"))
    #expect(SSHLibraryReport(version: "1.11.0").findings.contains { $0.id == "CVE-2023-48795" })
    #expect(!SSHLibraryReport(version: "1.11.1").findings.contains { $0.id == "CVE-2023-48795" })
    #expect(SSHLibraryReport(version: "1.11.2_DEV").findings.isEmpty)
    #expect(SSHLibraryReport(version: "1.10.0").lacks.first == "rsa-sha2 host keys")
    #expect(!SSHLibraryReport(version: "1.11.1").lacks.contains("rsa-sha2 host keys"))
    #expect(SSHLibraryReport(version: "1.11.1").lacks.contains("post-quantum key exchange"))
  }

  @Test func aRefusalIsReadFromItsPacket() {
    func read(_ bytes: [UInt8]) -> AuthenticationRefusal? {
      bytes.withUnsafeBytes { AuthenticationRefusal(packet: $0) }
    }
    let packet = [51, 0, 0, 0, 18] + Array("publickey,password".utf8) + [1]
    #expect(read(packet + [7, 7])?.ways == ["publickey", "password"])
    #expect(read(packet)?.isPartialSuccess ?? false)
    for count in 0..<packet.count { #expect(read(Array(packet[..<count])) == nil) }
    #expect(read([51, 0xff, 0xff, 0xff, 0xff, 0, 0]) == nil)
    #expect(read([51, 0, 0, 0, 1, 0x1b, 0]) == nil)
  }
}
