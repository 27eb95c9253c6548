// SPDX-License-Identifier: Apache-2.0

/// Where a host is: this machine, or a name for `ssh -G` with user and port where they were given.
public enum HostAddress: Hashable, Sendable, CustomStringConvertible {
  case local
  case ssh(name: String, user: String?, port: Int?)

  /// Parses `local`, `name`, `user@name[:port]`, `user@[v6]:port`, `[v6]`; a bare v6 address is a name without a
  /// port. `nil` for anything else, names that begin with a dash included.
  public init?(_ text: String) {
    if text == "local" {
      self = .local
      return
    }
    var rest = text[...]
    var user: String?
    if let at = rest.lastIndex(of: "@") {
      user = String(rest[..<at])
      rest = rest[rest.index(after: at)...]
      if user?.isEmpty ?? false { return nil }
    }
    var port: Int?
    var name: Substring
    if rest.hasPrefix("[") {
      guard let end = rest.firstIndex(of: "]") else { return nil }
      name = rest[rest.index(after: rest.startIndex)..<end]
      rest = rest[rest.index(after: end)...]
      if rest.hasPrefix(":") {
        guard let number = Self.port(rest.dropFirst()) else { return nil }
        port = number
      } else if !rest.isEmpty {
        return nil
      }
    } else {
      name = rest
      let colons = rest.filter { $0 == ":" }.count
      if colons == 1, let colon = rest.firstIndex(of: ":") {
        guard let number = Self.port(rest[rest.index(after: colon)...]) else { return nil }
        (name, port) = (rest[..<colon], number)
      }
    }
    guard !name.isEmpty, !name.hasPrefix("-"), !(user?.hasPrefix("-") ?? false),
      name.unicodeScalars.allSatisfy({
        $0.value > 32 && $0.value != 127 && $0 != "/" && $0 != "'" && $0 != "\""
      }),
      user?.unicodeScalars.allSatisfy({ $0.value > 32 && $0.value != 127 }) ?? true
    else { return nil }
    self = .ssh(name: String(name), user: user, port: port)
  }

  private static func port(_ text: Substring) -> Int? {
    guard let number = Int(text), (1...65535).contains(number) else { return nil }
    return number
  }

  public var description: String {
    switch self {
    case .local: return "local"
    case .ssh(let name, let user, let port):
      let bracketed = port != nil && name.contains(":") ? "[\(name)]" : name
      return (user.map { "\($0)@" } ?? "") + bracketed + (port.map { ":\($0)" } ?? "")
    }
  }
}
