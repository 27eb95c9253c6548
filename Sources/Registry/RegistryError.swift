// SPDX-License-Identifier: Apache-2.0

/// What went wrong between here and a registry. Never holds a password, a token, or the query of an address.
public struct RegistryError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What to match on.
  public enum Code: String, Sendable, Hashable, CaseIterable {
    /// A name, tag, digest or address that does not follow its grammar.
    case invalidReference
    /// The registry wants credentials and got none, or refused those it got.
    case unauthorized
    /// The credentials are good, but may not do this.
    case forbidden
    case notFound
    /// No connection: the name does not resolve, nothing listens, the network is down.
    case unreachable
    /// The connection was made, then lost, and trying again did not help.
    case connectionLost
    /// The certificate is not trusted, or no encrypted connection could be agreed on.
    case tls
    case timedOut
    /// An answer that the distribution specification does not allow.
    case protocolViolation
    /// The registry failed (5xx), or is too busy (429).
    case server
    /// The answer is larger than what is read of its kind, or the registry found ours too large (413).
    case tooLarge
    /// The registry refused the request for another reason (4xx).
    case refused
    /// A credential helper, or a file with credentials, could not be used.
    case credentials
  }

  public var code: Code
  /// The registry's host and port, where one is involved.
  public var registry: String?
  /// What happened, as one sentence without a full stop.
  public var message: String
  /// What to do or to type next.
  public var hint: String?
  /// The HTTP status of the answer, where there was one.
  public var status: Int?

  public init(
    _ code: Code, registry: String? = nil, _ message: String, hint: String? = nil, status: Int? = nil
  ) {
    self.code = code
    self.registry = registry
    self.message = message
    self.hint = hint
    self.status = status
  }

  public var description: String {
    let place = registry.map { "\($0): " } ?? ""
    return hint.map { "\(place)\(message)\n  \($0)" } ?? "\(place)\(message)"
  }
}
