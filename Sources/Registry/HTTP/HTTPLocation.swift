// SPDX-License-Identifier: Apache-2.0

/// An absolute http or https address, kept byte for byte: a signed storage address must not be encoded anew.
struct HTTPLocation: Hashable, Sendable {
  var isSecure: Bool
  /// Lower case; an IPv6 address without its brackets.
  var host: String
  var port: Int
  /// Path and query, starting with a slash.
  var target: String

  init(isSecure: Bool, host: String, port: Int, target: String) {
    self.isSecure = isSecure
    self.host = host
    self.port = port
    self.target = target
  }

  /// Parses an absolute address. `nil` for other schemes, user names, control characters and spaces.
  init?(_ text: String) {
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    let lowered = text.lowercased()
    let secure = lowered.hasPrefix("https://")
    guard secure || lowered.hasPrefix("http://") else { return nil }
    let rest = text.dropFirst(secure ? 8 : 7).prefix { $0 != "#" }
    let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    guard let address = try? RegistryAddress(String(rest[..<end]), insecure: !secure) else { return nil }
    let tail = rest[end...]
    self.init(
      isSecure: secure, host: address.host, port: address.port ?? (secure ? 443 : 80),
      target: tail.hasPrefix("/") ? String(tail) : "/\(tail)")
  }

  /// What a `Location` or `Link` header found here points to; relative addresses as RFC 3986, section 5.2 has them.
  func resolving(_ reference: String) -> HTTPLocation? {
    guard !reference.isEmpty, reference.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    if reference.hasPrefix("//") { return HTTPLocation((isSecure ? "https:" : "http:") + reference) }
    let scheme = reference.prefix { $0 != ":" && $0 != "/" && $0 != "?" && $0 != "#" }
    if reference[scheme.endIndex...].hasPrefix(":") { return HTTPLocation(reference) }
    let text = String(reference.prefix { $0 != "#" })
    var result = self
    if text.hasPrefix("/") {
      result.target = text
    } else if text.hasPrefix("?") {
      result.target = path + text
    } else {
      let directory = path.lastIndex(of: "/").map { path[...$0] } ?? "/"
      result.target = directory + text
    }
    return result
  }

  /// The same server with another path and query.
  func at(_ target: String) -> HTTPLocation {
    var result = self
    result.target = target
    return result
  }

  var path: String { String(target.prefix { $0 != "?" }) }

  func hasSameOrigin(as other: HTTPLocation) -> Bool {
    isSecure == other.isSecure && host == other.host && port == other.port
  }

  /// Host and port, the scheme's own port left out: the part that may stand in a message.
  var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }

  /// The whole address, for the connection only: its query may be a credential.
  var text: String { "\(isSecure ? "https" : "http")://\(authority)\(target)" }
}
