// SPDX-License-Identifier: Apache-2.0

/// A hole of libssh2 that is documented: in the CVE records, the project's advisories and its release notes.
struct KnownHole: Sendable {
  var id: String
  var what: String
  /// The first and the last release that has it; `nil`: from the beginning.
  var first: String?
  var last: String
  var isExposed: Bool
  /// Whether only a host that is trusted already can use it.
  var needsTrust: Bool
  var why: String

  /// Older ones have holes by which a server overwrites memory before its key is checked.
  static let oldestUsable = LibraryVersion("1.10.0")

  func concerns(_ version: LibraryVersion) -> Bool {
    version <= LibraryVersion(last) && first.map { version >= LibraryVersion($0) } ?? true
  }

  private init(
    _ id: String, _ what: String, from first: String? = nil, to last: String = "1.11.1", exposed: String? = nil,
    needsTrust: Bool = false, not why: String = ""
  ) {
    (self.id, self.what, self.first, self.last, self.needsTrust) = (id, what, first, last, needsTrust)
    (isExposed, self.why) = (exposed != nil, exposed ?? why)
  }

  static let all: [KnownHole] = [
    KnownHole(
      "CVE-2019-17498", "an integer overflow when a server hangs up", to: "1.9.0",
      exposed: "a server reads memory of this program or ends it; the version is refused"),
    KnownHole(
      "CVE-2020-22218", "a read out of bounds of a packet", to: "1.9.0",
      exposed: "a server reads memory of this program or ends it; the version is refused"),
    KnownHole(
      "CVE-2023-48795", "Terrapin: packets at the beginning can be left out unseen", to: "1.11.0",
      not: "it needs chacha20-poly1305 or an EtM MAC, which are never asked for"),
    KnownHole(
      "CVE-2025-15661", "a read out of bounds when SFTP reads a link", not: "SFTP is not used"),
    KnownHole(
      "CVE-2026-7598", "an integer overflow by the lengths of user and password",
      not: "both are bounded before they are handed over"),
    KnownHole(
      "CVE-2026-55199", "a loop over the extensions that a server claims to have", from: "1.11.0",
      exposed: "a server keeps a processor busy for a minute or more"),
    KnownHole(
      "CVE-2026-55200", "a write out of bounds by a packet's length", from: "1.11.0",
      not: "it is in the code for EtM MACs and AEAD ciphers, which are never asked for"),
    KnownHole(
      "CVE-2026-58050", "an overflow of a count of public keys, on 32-bit machines",
      not: "the public key subsystem is not used"),
    KnownHole(
      "CVE-2026-58051", "a free of memory that was never set, in a list of public keys",
      not: "the public key subsystem is not used"),
    KnownHole("CVE-2026-66032", "a double free when SFTP opens a file", not: "SFTP is not used"),
    KnownHole(
      "CVE-2026-66033", "GHSA-c4f7-cvfc-33j7: reads and writes out of bounds with AES-GCM", from: "1.11.0",
      not: "AES-GCM is never asked for"),
    KnownHole(
      "CVE-2026-66034", "GHSA-w6g9-cpfp-22gc: a read out of bounds in a list of public keys",
      not: "the public key subsystem is not used"),
    KnownHole(
      "CVE-2026-66035", "GHSA-6c79-444r-wx26: a heap overflow when an EtM packet is decrypted", from: "1.11.0",
      not: "EtM MACs are never asked for"),
    KnownHole(
      "GHSA-x4g5-mgfc-cxvv", "a length that runs below zero with short chacha20-poly1305 packets", from: "1.11.0",
      not: "chacha20-poly1305 is never asked for"),
    KnownHole(
      "GHSA-m9rg-h9jv-9gvh", "the server's Diffie-Hellman value is not checked",
      exposed: "the host that one connects to can weaken the session's keys, which it knows anyway; "
        + "Diffie-Hellman groups are asked for last", needsTrust: true),
    KnownHole(
      "GHSA-53q9-wmqr-fh7c", "memory that is not given back when a server repeats a command's end",
      exposed: "a host that one is logged in to can use up memory, until the connection ends", needsTrust: true),
    KnownHole(
      "GHSA-w8q5-9hq2-h9pr", "a read out of bounds in a list of public keys",
      not: "the public key subsystem is not used"),
  ]
}
