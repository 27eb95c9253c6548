// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import SystemPackage

/// Decides whether a host's key may be trusted: strictly, by known_hosts.
struct HostKeyCheck: Sendable {
  /// As the user named the host.
  var host: String
  /// As known_hosts names it.
  var name: String
  /// The name without a port, under which an entry counts too, as it does for `ssh`.
  var plainName: String
  var userFiles: [FilePath]
  var globalFiles: [FilePath]
  var acceptNew: Bool
  var hashNames: Bool

  private var known: KnownHosts { KnownHosts(files: userFiles + globalFiles) }

  /// The types of key to ask the host for, best first.
  var preference: [String] {
    let known = known
    return known.preference(for: known.keyTypes(of: name).isEmpty ? plainName : name)
  }

  /// Returns where the key is known, or was accepted now. Throws ``RemoteError`` otherwise.
  func check(_ key: HostKey) throws {
    let known = known
    switch known.verdict(on: key, name: name) {
    case .known: return
    case .revoked(let place):
      throw RemoteError(
        .revokedHostKey, host: host,
        "the host shows a key that \(place) marks as revoked: \(key.type) \(key.fingerprint). Nothing was sent to it.",
        hint: "Whoever holds that key may pose as the host. Ask the host's administrator.")
    case .changed(let place) where !known.keyTypes(of: name).contains(key.type):
      throw otherType(key, place, known.keyTypes(of: name))
    case .changed(let place):
      throw RemoteError(
        .changedHostKey, host: host,
        "the host's key is not the one that \(place) holds: it now shows \(key.type) \(key.fingerprint). "
          + "Someone may be posing as the host. Nothing was sent to it.",
        hint:
          "If its administrator confirms the new fingerprint, remove the old key and connect again:\n"
          + "  ssh-keygen -R '\(name)' -f '\(Self.file(of: place))'")
    case .certificateAuthority(let place):
      throw RemoteError(
        .unsupported, host: host,
        "\(place) trusts the host by a certificate authority (@cert-authority), which is not supported with libssh2.",
        hint:
          "Set 'transport: openssh' in the host's file, or add the host's own key to known_hosts."
      )
    case .unknown:
      if plainName != name && known.verdict(on: key, name: plainName) == .known { return }
      guard acceptNew else {
        throw RemoteError(
          .unknownHostKey, host: host,
          "the host is not in known_hosts. It shows \(key.type) \(key.fingerprint). Nothing was sent to it.",
          hint:
            "Compare the fingerprint with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), "
            + "then accept it by adding --accept-new-host-key to the same command.")
      }
      try append(key)
    }
  }

  /// Not the key that is known, though perhaps one of the same host: it cannot be told from an impostor's.
  private func otherType(_ key: HostKey, _ place: String, _ known: Set<String>) -> RemoteError {
    let library = SSHLibraryReport.current
    let onlyRSA = known == ["ssh-rsa"] && library.signsRSAByName
    return RemoteError(
      .changedHostKey, host: host,
      "the host shows a key of another type than the one that \(place) holds: \(key.type) \(key.fingerprint). "
        + (onlyRSA
          ? "The one that is known is of type RSA, which libssh2 \(library.version) cannot check. "
          : "Someone may be posing as the host. ") + "Nothing was sent to it.",
      hint: onlyRSA
        ? "Set 'transport: openssh' in the host's file, which uses the system's ssh; or log in with ssh once, which adds "
          + "the host's other keys to known_hosts (UpdateHostKeys)."
        : "If its administrator confirms the fingerprint, add that key to known_hosts too, or log in with ssh once, "
          + "which adds the host's other keys (UpdateHostKeys).")
  }

  private static func file(of place: String) -> String {
    place.lastIndex(of: ":").map { String(place[..<$0]) } ?? place
  }

  private func append(_ key: HostKey) throws {
    guard let file = userFiles.first else {
      throw RemoteError(
        .configuration, host: host,
        "the key cannot be accepted: the ssh configuration names no UserKnownHostsFile")
    }
    do {
      let directory = file.removingLastComponent().string
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700]
      )
      var line = KnownHosts.line(name: name, key: key, hashed: hashNames)
      let existing = FileManager.default.contents(atPath: file.string)
      if let last = existing?.last, last != UInt8(ascii: "\n") { line = "\n" + line }
      let descriptor = try FileDescriptor.open(
        file, .writeOnly, options: [.append, .create, .closeOnExec], permissions: [.ownerReadWrite])
      _ = try descriptor.closeAfter { try descriptor.writeAll(Array(line.utf8)) }
    } catch {
      throw RemoteError(
        .configuration, host: host, "the key could not be added to \(file): \(error)")
    }
  }
}
