// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// A Bearer challenge's realm: hands out tokens against credentials, as Docker's registry token specification has it.
struct TokenServer: Hashable, Sendable {
  struct Token: Sendable {
    var text: String
    var expiry: ContinuousClock.Instant
    /// Whether it was given to nobody in particular.
    var isAnonymous: Bool

    var isFresh: Bool { ContinuousClock.now < expiry }
  }

  let realm: HTTPLocation
  let service: String?
  /// Whose token server it is.
  let registry: String

  private struct Answer: Decodable {
    var token: String?
    var accessToken: String?
    var lifetime: Double?

    private enum CodingKeys: String, CodingKey {
      case token
      case accessToken = "access_token"
      case lifetime = "expires_in"
    }
  }

  /// - Throws: ``RegistryError`` with code `protocolViolation` for a realm that is no address, or that would show the
  ///   credentials to the network although the registry itself uses TLS.
  init(_ challenge: Challenge, from registry: HTTPLocation) throws(RegistryError) {
    guard let text = challenge.parameters["realm"], let realm = registry.resolving(text) else {
      throw RegistryError(
        .protocolViolation, registry: registry.authority, "its challenge names no address to get a token from")
    }
    guard realm.isSecure || !registry.isSecure else {
      throw RegistryError(
        .protocolViolation, registry: registry.authority,
        "it wants the password sent to \(realm.authority) in plain HTTP",
        hint: "let its token server be reached by https://")
    }
    self.realm = realm
    self.registry = registry.authority
    service = challenge.parameters["service"]
  }

  /// Asks for a token for the scopes.
  func token(
    for scopes: [String], as credentials: Credentials?, over transport: HTTPTransport,
    deadline: ContinuousClock.Instant
  ) async throws -> Token {
    let asked = ContinuousClock.now
    let request = request(for: scopes, as: credentials)
    let response = try await transport.perform(request, deadline: deadline)
    guard response.isSuccess else { throw refusal(response, credentials) }
    guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(response.body)),
      let text = [answer.token, answer.accessToken].compactMap(\.self).first(where: { !$0.isEmpty }),
      text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else {
      throw RegistryError(.protocolViolation, registry: realm.authority, "the token server's answer holds no token")
    }
    // The specification's default is 60 s. A tenth is kept back for the way and for clocks that differ.
    let lifetime = min(max(answer.lifetime ?? 60, 1), 86_400) * 0.9
    return Token(text: text, expiry: asked + .seconds(lifetime), isAnonymous: credentials == nil)
  }

  private func request(for scopes: [String], as credentials: Credentials?) -> HTTPRequest {
    var fields = (service.map { [("service", $0)] } ?? [])
    if let credentials, credentials.isIdentityToken {
      // OAuth 2: https://distribution.github.io/distribution/spec/auth/oauth/
      fields += [("grant_type", "refresh_token"), ("client_id", "remote-build"), ("refresh_token", credentials.secret)]
      if !scopes.isEmpty { fields.append(("scope", scopes.joined(separator: " "))) }
      return HTTPRequest(
        .post, realm, headers: [HTTPHeader(name: "Content-Type", value: "application/x-www-form-urlencoded")],
        body: Array(Self.encoded(fields).utf8))
    }
    fields += scopes.map { ("scope", $0) }
    let query = Self.encoded(fields)
    let joint = realm.target.contains("?") ? "&" : "?"
    var request = HTTPRequest(.get, query.isEmpty ? realm : realm.at(realm.target + joint + query))
    if let credentials {
      request.headers.append(HTTPHeader(name: "Authorization", value: credentials.basicHeader))
    }
    return request
  }

  private static func encoded(_ fields: [(String, String)]) -> String {
    var allowed = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    allowed.insert(charactersIn: "-._~:/,*")
    return fields.map { name, value in
      "\(name)=\(value.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")"
    }.joined(separator: "&")
  }

  private func refusal(_ response: HTTPResponse, _ credentials: Credentials?) -> RegistryError {
    let place = realm.authority
    switch response.status {
    case 400, 401, 403:
      guard let credentials else {
        return RegistryError(
          .unauthorized, registry: place, "the token server wants a user and a password, and none are known",
          hint: RegistryError.loginHint(registry), status: response.status)
      }
      return RegistryError(
        .unauthorized, registry: place, "the token server refused the credentials of \(credentials)",
        hint: RegistryError.loginHint(registry), status: response.status)
    case 429, 500...599:
      return RegistryError(
        .server, registry: place, "the token server failed with status \(response.status)",
        hint: "try again later", status: response.status)
    default:
      return RegistryError(
        .protocolViolation, registry: place, "the token server answered with status \(response.status)",
        status: response.status)
    }
  }
}

extension Credentials {
  /// The value of an `Authorization` header (RFC 7617).
  var basicHeader: String { "Basic " + Data("\(username):\(secret)".utf8).base64EncodedString() }
}

extension RegistryError {
  static func loginHint(_ registry: String) -> String {
    "log in with `docker login \(registry)`, or set REMOTE_BUILD_REGISTRY_USER and REMOTE_BUILD_REGISTRY_PASSWORD"
  }
}
