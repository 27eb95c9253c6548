// SPDX-License-Identifier: Apache-2.0

internal import Crypto
internal import Foundation
internal import SystemPackage

/// What known_hosts files say about a host (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). Lines that cannot be read are
/// skipped, as `ssh` does.
struct KnownHosts: Sendable {
  enum Verdict: Hashable, Sendable {
    case known
    case unknown
    /// Another key stands there, at this place (`file:line`).
    case changed(at: String)
    case revoked(at: String)
    /// The host is to prove itself by a certificate of an authority.
    case certificateAuthority(at: String)
  }

  private enum Marker: String {
    case revoked = "@revoked"
    case certificateAuthority = "@cert-authority"
  }

  private struct Line {
    var marker: Marker?
    var hosts: String
    var key: HostKey
    var place: String
  }

  private var lines: [Line] = []

  init() {}

  /// Reads the files that exist and can be read.
  init(files: [FilePath]) {
    for file in files {
      guard let data = FileManager.default.contents(atPath: file.string) else { continue }
      add(String(decoding: data, as: UTF8.self), file: file.string)
    }
  }

  mutating func add(_ text: String, file: String) {
    for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      var fields = line.split { $0 == " " || $0 == "\t" }[...]
      guard let first = fields.first, !first.hasPrefix("#") else { continue }
      let marker = Marker(rawValue: String(first))
      if first.hasPrefix("@") {
        guard marker != nil else { continue }
        fields.removeFirst()
      }
      guard fields.count >= 3, let key = HostKey(base64: fields[fields.startIndex + 2]),
        key.type == fields[fields.startIndex + 1]
      else { continue }
      lines.append(
        Line(
          marker: marker, hosts: String(fields[fields.startIndex]), key: key,
          place: "\(file):\(number + 1)"))
    }
  }

  /// The name under which a host stands in known_hosts: with its port where that is not 22.
  static func name(_ host: String, port: Int) -> String { port == 22 ? host : "[\(host)]:\(port)" }

  /// What is known about `key` as the key of `name`, which comes from ``name(_:port:)``.
  func verdict(on key: HostKey, name: String) -> Verdict {
    let matching = lines.filter { Self.matches($0.hosts, name) }
    if let line = matching.first(where: { $0.marker == .revoked && $0.key == key }) {
      return .revoked(at: line.place)
    }
    if matching.contains(where: { $0.marker == nil && $0.key == key }) { return .known }
    if let line = matching.first(where: { $0.marker == nil && $0.key.type == key.type }) {
      return .changed(at: line.place)
    }
    if let line = matching.first(where: { $0.marker == .certificateAuthority }) {
      return .certificateAuthority(at: line.place)
    }
    // A key of another type is known: the one shown now may be an impostor's.
    return matching.first { $0.marker == nil }.map { .changed(at: $0.place) } ?? .unknown
  }

  /// The types of the keys that are known for `name`.
  func keyTypes(of name: String) -> Set<String> {
    Set(lines.filter { $0.marker == nil && Self.matches($0.hosts, name) }.map(\.key.type))
  }

  /// The host key types by which those keys can be shown, in the order of our preference.
  func types(of name: String) -> [String] {
    let known = keyTypes(of: name)
    // An RSA key signs under two names, or with SHA-1, which is not asked for.
    return Self.preference.filter { known.contains($0.hasPrefix("rsa-sha2-") ? "ssh-rsa" : $0) }
  }

  /// The host key types to ask a server for: the known ones first, since only they can be checked.
  func preference(for name: String) -> [String] {
    let known = types(of: name)
    return known + Self.preference.filter { !known.contains($0) }
  }

  static let preference = [
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "rsa-sha2-512", "rsa-sha2-256",
  ]

  /// A line for `key`. A hashed one does not tell the host's name to those who read the file.
  static func line(name: String, key: HostKey, hashed: Bool) -> String {
    guard hashed else { return "\(name) \(key.type) \(key.base64)\n" }
    var generator = SystemRandomNumberGenerator()
    let salt = (0..<20).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let hash = Data(hmac(name, salt: salt)).base64EncodedString()
    return "|1|\(Data(salt).base64EncodedString())|\(hash) \(key.type) \(key.base64)\n"
  }

  private static func hmac(_ name: String, salt: [UInt8]) -> [UInt8] {
    Array(
      HMAC<Insecure.SHA1>.authenticationCode(for: Array(name.utf8), using: SymmetricKey(data: salt))
    )
  }

  private static func matches(_ hosts: String, _ name: String) -> Bool {
    if hosts.hasPrefix("|") {
      let parts = hosts.split(separator: "|", omittingEmptySubsequences: false)
      guard parts.count == 4, parts[1] == "1", let salt = Data(base64Encoded: String(parts[2])),
        let hash = Data(base64Encoded: String(parts[3]))
      else { return false }
      return Array(hash) == hmac(name.lowercased(), salt: Array(salt))
    }
    var found = false
    for pattern in hosts.lowercased().split(separator: ",") {
      let negated = pattern.hasPrefix("!")
      guard
        glob(
          Array((negated ? pattern.dropFirst() : pattern).utf8)[...],
          Array(name.lowercased().utf8)[...])
      else {
        continue
      }
      if negated { return false }
      found = true
    }
    return found
  }

  /// `*` stands for any characters, `?` for one; everything else, brackets too, for itself.
  private static func glob(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
    var (pattern, text) = (pattern, text)
    var retry: (pattern: ArraySlice<UInt8>, text: ArraySlice<UInt8>)?
    while true {
      if pattern.first == UInt8(ascii: "*") {
        pattern.removeFirst()
        retry = (pattern, text)
      } else if let character = pattern.first, let other = text.first,
        character == other || character == UInt8(ascii: "?")
      {
        pattern.removeFirst()
        text.removeFirst()
      } else if pattern.isEmpty && text.isEmpty {
        return true
      } else if let again = retry, !again.text.isEmpty {
        retry = (again.pattern, again.text.dropFirst())
        (pattern, text) = (again.pattern, again.text.dropFirst())
      } else {
        return false
      }
    }
  }
}
