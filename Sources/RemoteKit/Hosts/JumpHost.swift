// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// One entry of a ProxyJump list.
struct JumpHost: Hashable, Sendable {
  var name: String
  var user: String?
  var port: Int?

  /// The last of a list such as `a,me@b:22,ssh://c`, through which the host itself is reached, and the list of those
  /// before it. `nil` where the last one is none.
  static func last(of list: String) -> (jump: JumpHost, before: String?)? {
    guard let comma = list.lastIndex(of: ",") else { return JumpHost(list).map { ($0, nil) } }
    guard let jump = JumpHost(String(list[list.index(after: comma)...])) else { return nil }
    return (jump, String(list[..<comma]))
  }

  /// Parses `[user@]name[:port]`, `[user@][v6]:port` and `ssh://[user@]name[:port]`.
  init?(_ text: String) {
    var text = text.trimmingCharacters(in: .whitespaces)
    let isURI = text.lowercased().hasPrefix("ssh://")
    if isURI {
      text = String(text.dropFirst(6))
      if text.hasSuffix("/") { text.removeLast() }
    }
    // A host of that name, not this machine.
    guard text != "local" else {
      name = text
      return
    }
    guard case .ssh(let name, var user, let port)? = HostAddress(text) else { return nil }
    if isURI {
      // `user;parameters` (RFC 4462's draft), and what is escaped.
      user = user.map { String($0.prefix { $0 != ";" }) }
      if let escaped = user {
        guard let plain = escaped.removingPercentEncoding, !plain.isEmpty else { return nil }
        user = plain
      }
    }
    (self.name, self.user, self.port) = (name, user, port)
  }
}

extension JumpHost: CustomStringConvertible {
  var description: String { HostAddress.ssh(name: name, user: user, port: port).description }
}
