// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// What `ssh`, or another program on the way, wrote to its standard error. OpenSSH ends with 255 whatever the reason, so
/// its words are all there is to tell one from another.
struct OpenSSHWords: Sendable {
  let text: String

  /// The last thousand characters, such that they can be shown: some of it comes from the other side.
  static func shown(_ text: String) -> String {
    let lines = text.trimmingCharacters(in: .whitespacesAndNewlines).suffix(1000)
    return lines.unicodeScalars.reduce(into: "") { result, scalar in
      switch scalar {
      case "\n": result += "\n"
      case "\r": break
      case _
      where scalar.value < 32 || (127..<160).contains(scalar.value)
        || scalar.properties.generalCategory == .format:
        result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
  }

  private func says(_ parts: String...) -> Bool { parts.contains { text.contains($0) } }

  /// Why no connection came about, or why one ended.
  /// - Parameters:
  ///   - question: what `ssh` asked about an unknown host key; it holds the fingerprint.
  ///   - stood: whether the connection stood before.
  func failure(host: String, question: String?, stood: Bool) -> RemoteError {
    let said = Self.shown(text)
    let words = said.isEmpty ? "it said nothing" : "it said: \(said)"
    if says("REMOTE HOST IDENTIFICATION HAS CHANGED", "HOST IDENTIFICATION HAS CHANGED") {
      return RemoteError(
        .changedHostKey, host: host,
        "ssh refused the host's key, which is not the one in known_hosts. Someone may be posing as the host; \(words)",
        hint:
          "If its administrator confirms the new fingerprint, remove the old key with ssh-keygen -R and connect again.")
    }
    if says("REVOKED HOST KEY", "revoked") && says("ost key") {
      return RemoteError(
        .revokedHostKey, host: host, "ssh refused the host's key, which is marked as revoked; \(words)",
        hint: "Whoever holds that key may pose as the host. Ask the host's administrator.")
    }
    if says("Host key verification failed", "host key is known for") {
      return RemoteError(
        .unknownHostKey, host: host,
        "the host is not in known_hosts. "
          + (question.map { "\(Self.shown($0))" } ?? "ssh refused its key; \(words)"),
        hint:
          "Compare the fingerprint with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), "
          + "then accept it by adding --accept-new-host-key to the same command.")
    }
    if says(
      "Permission denied", "Too many authentication failures", "No supported authentication methods",
      "no more authentication methods")
    {
      return RemoteError(
        .authenticationRefused, host: host, "the login was refused; ssh \(words)",
        hint: "Try it by hand: ssh shows more with -v.")
    }
    if says("Bad configuration option", "bad configuration option", "Bad owner or permissions", "unsupported option") {
      return RemoteError(
        .configuration, host: host, "ssh refused its configuration; \(words)", hint: "Check the ssh configuration.")
    }
    if says("not responding") && says("Timeout, server") {
      return RemoteError(
        .timedOut, host: host, "the host has been silent for too long; ssh gave the connection up; \(words)",
        hint: "Check the network and the host, then run the same command again.")
    }
    if says("Unable to negotiate", "no matching") {
      return RemoteError(.protocolFailure, host: host, "ssh found no method in common with the server; \(words)")
    }
    if stood {
      return RemoteError(
        .connectionLost, host: host, "the connection broke; ssh \(words)", hint: "Run the same command again.")
    }
    return RemoteError(
      .unreachable, host: host, "ssh could not connect; \(words)",
      hint: "Check the host's address, and that it is up.")
  }
}
