// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// What was tried to log in, and what came of each: the refusal's words.
struct AuthenticationAttempts {
  var host: String
  var user: String
  var shown: Set<HostKey> = []
  var missing: [FilePath] = []
  private var notes: [String] = []

  init(host: String, user: String) {
    self.host = host
    self.user = user
  }

  /// Whether no key was shown to the server.
  var isEmpty: Bool { shown.isEmpty }

  mutating func note(_ text: String) { notes.append(text) }

  var refusal: RemoteError {
    var lines = notes
    if shown.isEmpty && !missing.isEmpty {
      lines.append("no such file: " + missing.map(\.string).joined(separator: ", "))
    }
    return RemoteError(
      .authenticationRefused, host: host,
      "login as '\(user)' was refused. Tried:\n"
        + lines.map { "  - \($0)" }.joined(separator: "\n"),
      hint:
        "Put the public key of one of your keys into ~\(user)/.ssh/authorized_keys on the host (ssh-copy-id), "
        + "or name the right key by IdentityFile in your ssh configuration.")
  }
}
