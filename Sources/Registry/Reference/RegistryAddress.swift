// SPDX-License-Identifier: Apache-2.0

/// Where a registry listens: a host name or address, perhaps a port, and whether it is spoken to in plain HTTP.
public struct RegistryAddress: Hashable, Sendable, CustomStringConvertible {
  /// A DNS name, an IPv4 address, or an IPv6 address without its brackets; in lower case.
  public let host: String
  /// The port, where one was written.
  public let port: Int?
  /// Plain HTTP instead of TLS.
  public let isPlain: Bool

  /// Docker Hub, as image names write it.
  public static let dockerHub = RegistryAddress(host: "docker.io", port: nil, isPlain: false)

  /// Parses `host`, `host:port`, `[v6]:port`, also with `https://` or `http://` before it and a slash behind it.
  ///
  /// - Parameter insecure: Speak plain HTTP. Without it, `http://` is accepted for a loopback address only.
  /// - Throws: ``RegistryError`` with code `invalidReference`.
  public init(_ text: String, insecure: Bool = false) throws(RegistryError) {
    var rest = Substring(text)
    var plain = insecure
    if rest.lowercased().hasPrefix("https://") {
      guard !insecure else { throw Self.invalid(text, "asks for TLS and for plain HTTP at once") }
      rest = rest.dropFirst(8)
    } else if rest.lowercased().hasPrefix("http://") {
      rest = rest.dropFirst(7)
      plain = true
    }
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    let (host, port) = try Self.split(rest, of: text)
    self.init(host: host.lowercased(), port: port, isPlain: plain)
    if plain && !insecure && !isLoopback {
      throw RegistryError(
        .invalidReference, registry: description, "plain HTTP would show the password to the network",
        hint: "write the address without http://, or allow it with `insecure: true`")
    }
  }

  private init(host: String, port: Int?, isPlain: Bool) {
    self.host = host
    self.port = port
    self.isPlain = isPlain
  }

  private static func split(
    _ rest: Substring, of text: String
  ) throws(RegistryError) -> (host: String, port: Int?) {
    var host = rest
    var digits: Substring?
    if rest.hasPrefix("[") {
      guard let end = rest.firstIndex(of: "]") else { throw invalid(text, "has no closing bracket") }
      host = rest[rest.index(after: rest.startIndex)..<end]
      let tail = rest[rest.index(after: end)...]
      guard tail.isEmpty || tail.hasPrefix(":") else { throw invalid(text, "has letters behind its bracket") }
      digits = tail.isEmpty ? nil : tail.dropFirst()
      guard host.contains(":"),
        host.utf8.allSatisfy({ $0.isHexadecimal || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") })
      else { throw invalid(text, "holds no IPv6 address between its brackets") }
    } else {
      if let colon = rest.lastIndex(of: ":") {
        host = rest[..<colon]
        digits = rest[rest.index(after: colon)...]
      }
      let labels = host.split(separator: ".", omittingEmptySubsequences: false)
      let valid = labels.allSatisfy { label in
        !label.isEmpty && label.first != "-" && label.last != "-"
          && label.utf8.allSatisfy { $0.isLetterOrDigit || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
      }
      guard valid else { throw invalid(text, "is not `host` or `host:port`") }
    }
    guard let digits else { return (String(host), nil) }
    guard digits.utf8.allSatisfy(\.isDigit), let port = Int(digits), (1...65_535).contains(port) else {
      throw invalid(text, "has no port from 1 to 65535 behind its colon")
    }
    return (String(host), port)
  }

  private static func invalid(_ text: String, _ reason: String) -> RegistryError {
    // What stands before an @ may be a password that was meant for somewhere else.
    let shown = text.contains("@") ? "the registry's address" : "the registry's address “\(text.shownSafely)”"
    return RegistryError(
      .invalidReference, "\(shown) \(reason)", hint: "write it as `registry.example.com` or `registry.example.com:5000`"
    )
  }

  /// Whether the host is this machine itself.
  public var isLoopback: Bool { Self.isLoopback(host) }

  static func isLoopback(_ host: String) -> Bool {
    if host == "localhost" || host.hasSuffix(".localhost") || host == "::1" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  /// As image names write it: `gitea.example.com`, `127.0.0.1:5000`, `[::1]:5000`.
  public var description: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port.map { "\(name):\($0)" } ?? name
  }

  /// Where the registry's API is. Docker Hub's is not at the name that images carry.
  var endpoint: HTTPLocation {
    let name = host == "docker.io" || host == "index.docker.io" ? "registry-1.docker.io" : host
    return HTTPLocation(isSecure: !isPlain, host: name, port: port ?? (isPlain ? 80 : 443), target: "/")
  }

  /// The names under which a file or a helper may keep this registry's credentials, the best first.
  var credentialKeys: [String] {
    if host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io" {
      return ["https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io"]
    }
    return [description]
  }
}
