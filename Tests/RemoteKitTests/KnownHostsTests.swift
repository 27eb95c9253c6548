// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import RemoteKit

@Suite struct KnownHostsTests {
  private let key = Self.key("ssh-ed25519", 1)
  private let other = Self.key("ssh-ed25519", 2)
  private let ecdsa = Self.key("ecdsa-sha2-nistp256", 3)

  private static func key(_ type: String, _ seed: UInt8) -> HostKey {
    var writer = SSHBlobWriter()
    writer.write(Array(type.utf8))
    writer.write([UInt8](repeating: seed, count: 32))
    return HostKey(blob: writer.bytes)
  }

  private func verdict(_ lines: String, _ key: HostKey, _ name: String) -> KnownHosts.Verdict {
    var known = KnownHosts()
    known.add(lines, file: "k")
    return known.verdict(on: key, name: name)
  }

  private func line(_ hosts: String, _ key: HostKey) -> String {
    "\(hosts) \(key.type) \(key.base64) a comment\n"
  }

  @Test func plainNamesPortsAndWildcards() {
    #expect(verdict(line("a,b", key), key, "b") == .known)
    #expect(verdict(line("B.Example", key), key, "b.example") == .known)
    #expect(verdict(line("a", key), key, "[a]:2222") == .unknown)
    #expect(verdict(line("[a]:2222", key), key, "[a]:2222") == .known)
    #expect(verdict(line("*.example.com", key), key, "x.y.example.com") == .known)
    #expect(verdict(line("*.example.com", key), key, "example.com") == .unknown)
    #expect(verdict(line("h?st", key), key, "host") == .known)
    #expect(verdict(line("[*]:22*", key), key, "[a]:2200") == .known)
    #expect(verdict(line("*,!bad", key), key, "good") == .known)
    #expect(verdict(line("*,!bad", key), key, "bad") == .unknown)
  }

  @Test func hashedNames() {
    let line = KnownHosts.line(name: "[a]:2222", key: key, hashed: true)
    #expect(!line.contains("2222"))
    #expect(verdict(line, key, "[a]:2222") == .known)
    #expect(verdict(line, key, "[b]:2222") == .unknown)
    #expect(verdict(line, other, "[a]:2222") == .changed(at: "k:1"))
  }

  @Test func markers() {
    #expect(
      verdict("@revoked * \(key.type) \(key.base64)\n" + line("a", key), key, "a")
        == .revoked(at: "k:1"))
    #expect(
      verdict("@revoked * \(other.type) \(other.base64)\n" + line("a", key), key, "a") == .known)
    #expect(
      verdict("@cert-authority *.x \(other.type) \(other.base64)\n", key, "a.x")
        == .certificateAuthority(at: "k:1"))
    #expect(verdict("@unheard-of a \(key.type) \(key.base64)\n", key, "a") == .unknown)
  }

  @Test func anotherTypeIsNoMatch() {
    #expect(verdict(line("a", ecdsa), key, "a") == .changed(at: "k:1"))
    #expect(verdict(line("a", ecdsa) + line("a", key), key, "a") == .known)
    var known = KnownHosts()
    known.add(line("a", ecdsa), file: "k")
    #expect(known.preference(for: "a").first == "ecdsa-sha2-nistp256")
    #expect(known.preference(for: "b").first == "ssh-ed25519")
  }

  @Test func badLinesAreSkipped() {
    let bad =
      "\n# a comment\nnonsense\na ssh-ed25519 !!!\na ssh-rsa \(key.base64)\n|1|x|y ssh-ed25519 \(key.base64)\n\u{fffd}\r\n"
    #expect(verdict(bad + line("a", key), key, "a") == .known)
    #expect(verdict(bad, key, "a") == .unknown)
    #expect(verdict("a \(key.type) \(key.base64)\r\n", key, "a") == .known)
  }
}
