// SPDX-License-Identifier: Apache-2.0

internal import CLibSSH2

/// The libssh2 that this program runs with: what it lacks, and which known holes it has as it was released.
///
/// Distributors mend older versions without changing the number, which the library alone shows: a finding says what holds
/// unless the packager has mended it.
public struct SSHLibraryReport: Hashable, Sendable, Codable, CustomStringConvertible {
  /// A known hole of this version.
  public struct Finding: Hashable, Sendable, Codable {
    /// Such as `CVE-2026-55199`, or an advisory of the project's where there is no such number.
    public var id: String
    public var what: String
    /// Whether a host, or somebody between, can use it against this program: it may be in code that is never called.
    public var isExposed: Bool
    /// Whether only a host that is trusted already can use it.
    public var needsTrust: Bool
    /// Why it cannot be used, or what it comes to.
    public var why: String
  }

  /// As `1.10.0`; a development version has `_DEV` at its end.
  public var version: String
  /// What hosts may want and this version cannot do; `transport: openssh` can.
  public var lacks: [String]
  public var findings: [Finding]
  /// Whether this program works with it at all.
  public var isUsable: Bool

  /// The library that is loaded.
  public static let current = SSHLibraryReport(version: libssh2_version(0).map { String(cString: $0) } ?? "")

  public init(version: String) {
    let number = LibraryVersion(version)
    self.version = version
    isUsable = number >= KnownHole.oldestUsable
    findings = KnownHole.all.filter { $0.concerns(number) }.map {
      Finding(id: $0.id, what: $0.what, isExposed: $0.isExposed, needsTrust: $0.needsTrust, why: $0.why)
    }
    lacks = ["certificates", "FIDO keys", "GSSAPI"]
    if number < LibraryVersion("1.11.2") { lacks.insert("post-quantum key exchange", at: 0) }
    if number < LibraryVersion("1.11.0") { lacks.insert("rsa-sha2 host keys", at: 0) }
  }

  /// Below 1.11 an RSA key's type is renamed to get a signature with SHA-2.
  var signsRSAByName: Bool { LibraryVersion(version) < LibraryVersion("1.11.0") }

  /// Throws ``RemoteError/Code/unsupported`` where this version may not be used.
  func requireUsable(host: String) throws {
    guard isUsable else {
      throw RemoteError(
        .unsupported, host: host,
        "libssh2 \(version) is not used: \(findings.filter(\.isExposed).map(\.id).joined(separator: ", ")) let a server "
          + "overwrite memory before it is known who it is",
        hint: "Install libssh2 1.10.0 or newer, or set 'transport: openssh' in the host's file.")
    }
  }

  public var description: String {
    let exposed = findings.filter(\.isExposed)
    var text = "libssh2 \(version): lacks \(lacks.joined(separator: ", "))"
    for finding in exposed { text += "\n  \(finding.id): \(finding.what); \(finding.why)" }
    let others = findings.filter { !$0.isExposed }.map(\.id)
    if !others.isEmpty { text += "\n  not used here, or kept out: \(others.joined(separator: ", "))" }
    return text
  }
}

/// `1.11.1` as a value that can be compared; what follows the numbers is not looked at.
struct LibraryVersion: Comparable, Hashable, Sendable {
  private let parts: [Int]

  init(_ text: String) {
    let numbers = text.prefix { $0.isNumber || $0 == "." }.split(separator: ".").prefix(3).compactMap { Int($0) }
    parts = numbers + Array(repeating: 0, count: 3 - numbers.count)
  }

  static func < (one: LibraryVersion, other: LibraryVersion) -> Bool {
    one.parts.lexicographicallyPrecedes(other.parts)
  }
}
