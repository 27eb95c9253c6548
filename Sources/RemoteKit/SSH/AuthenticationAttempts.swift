// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// What was tried to log in, and what came of each: the refusal's words.
struct AuthenticationAttempts {
  var host: String
  var user: String
  /// The keys that the server saw; it need not see one twice.
  var shown: Set<HostKey> = []
  var missing: [FilePath] = []
  /// Whether something was tried that libssh2 cannot do and `ssh` can.
  var wouldNeedOpenSSH = false
  private var notes: [String] = []
  private var tried = false

  init(host: String, user: String) {
    self.host = host
    self.user = user
  }

  /// Whether nothing was put before the server.
  var isEmpty: Bool { shown.isEmpty && !tried }

  mutating func note(_ text: String) { notes.append(text) }

  /// A note on something that the server judged.
  mutating func noteTried(_ text: String) {
    tried = true
    notes.append(text)
  }

  /// A note on something that only `ssh` can do.
  mutating func noteUnsupported(_ text: String) {
    wouldNeedOpenSSH = true
    notes.append(text)
  }

  var refusal: RemoteError {
    var lines = notes
    if shown.isEmpty && !missing.isEmpty {
      lines.append("no such file: " + missing.map(\.string).joined(separator: ", "))
    }
    var hint =
      "Put the public key of one of your keys into ~\(user)/.ssh/authorized_keys on the host (ssh-copy-id), "
      + "or name the right key by IdentityFile in your ssh configuration."
    if wouldNeedOpenSSH {
      hint += "\nWhere 'ssh' itself can log in, set 'transport: openssh' in the host's file."
    }
    return RemoteError(
      .authenticationRefused, host: host,
      "login as '\(user)' was refused. Tried:\n" + lines.map { "  - \($0)" }.joined(separator: "\n"), hint: hint)
  }
}
