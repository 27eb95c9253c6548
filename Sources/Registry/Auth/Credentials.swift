// SPDX-License-Identifier: Apache-2.0

/// A user's name and secret for a registry. Printing one never shows the secret.
public struct Credentials: Hashable, Sendable {
  public var username: String
  /// A password or an API token; the identity token, where ``isIdentityToken``.
  public var secret: String

  /// The name that credential helpers give where the secret is an identity token (OAuth's refresh token).
  public static let identityTokenName = "<token>"

  public init(username: String, secret: String) {
    self.username = username
    self.secret = secret
  }

  public var isIdentityToken: Bool { username == Self.identityTokenName }

  /// Whether they fit into a request: no line ends, no NUL; a Basic user name has no colon (RFC 7617).
  var isWellFormed: Bool {
    let forbidden: (UInt8) -> Bool = { $0 < 0x20 || $0 == 0x7F }
    return !secret.isEmpty && !username.utf8.contains(where: forbidden) && !secret.utf8.contains(where: forbidden)
      && !username.contains(":")
  }
}

extension Credentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { isIdentityToken ? "an identity token" : "user \(username.shownSafely)" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: ["username": username]) }
}
