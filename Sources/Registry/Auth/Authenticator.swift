// SPDX-License-Identifier: Apache-2.0

/// Turns a registry's challenges into `Authorization` headers, and keeps what it learned for the next request.
actor Authenticator {
  private enum Method {
    case basic
    case bearer(TokenServer)
  }

  private let registry: RegistryAddress
  private let source: CredentialStore
  private let transport: HTTPTransport
  private var method: Method?
  private var tokens: [[String]: TokenServer.Token] = [:]
  private var fetching: [[String]: Task<TokenServer.Token, any Error>] = [:]
  /// What was last sent, for messages and for keeping it out of them.
  private(set) var credentials: Credentials?

  init(registry: RegistryAddress, source: any CredentialSource, transport: HTTPTransport) {
    self.registry = registry
    self.source = CredentialStore(sources: [source])
    self.transport = transport
  }

  /// Finds the credentials, which may mean asking a person.
  func prepare() async throws { _ = try await source.credentials(for: registry) }

  /// The header for a request, by what earlier requests taught; `nil` before the first challenge.
  func header(for scope: TokenScope?, deadline: ContinuousClock.Instant) async throws -> String? {
    switch method {
    case nil: return nil
    case .basic: return credentials?.basicHeader
    case .bearer(let server):
      return try await bearer(server, Self.scopes(scope, challenged: nil), deadline: deadline)
    }
  }

  /// The header that answers challenges to a request.
  ///
  /// - Parameter refused: The header that the request had carried.
  /// - Throws: ``RegistryError`` with code `unauthorized` where nothing is left to be tried.
  func answer(
    _ challenges: [Challenge], to refused: String?, scope: TokenScope?, deadline: ContinuousClock.Instant
  ) async throws -> String {
    if let challenge = challenges.first(where: { $0.scheme == "bearer" }) {
      let server = try TokenServer(challenge, from: registry.endpoint)
      method = .bearer(server)
      let scopes = Self.scopes(scope, challenged: challenge.parameters["scope"])
      // Another request may have fetched a new one meanwhile.
      if let known = tokens[scopes], "Bearer \(known.text)" == refused { tokens[scopes] = nil }
      return try await bearer(server, scopes, deadline: deadline)
    }
    guard challenges.contains(where: { $0.scheme == "basic" }) else {
      let known = challenges.map(\.scheme.shownSafely).joined(separator: ", ")
      throw RegistryError(
        .protocolViolation, registry: registry.description,
        known.isEmpty
          ? "it wants authentication, but does not say which" : "it wants authentication by \(known), which is unknown")
    }
    guard let found = try await source.credentials(for: registry) else {
      throw RegistryError(
        .unauthorized, registry: registry.description, "it wants a user and a password, and none are known",
        hint: RegistryError.loginHint(registry.description), status: 401)
    }
    guard !found.isIdentityToken else {
      throw RegistryError(
        .unauthorized, registry: registry.description, "an identity token is known, but it wants a user and a password",
        hint: RegistryError.loginHint(registry.description), status: 401)
    }
    credentials = found
    guard found.basicHeader != refused else { throw refusal }
    method = .basic
    return found.basicHeader
  }

  /// Why a request with credentials was refused all the same.
  var refusal: RegistryError {
    guard let credentials else {
      return RegistryError(
        .unauthorized, registry: registry.description, "it shows this to nobody without a login, and none is known",
        hint: RegistryError.loginHint(registry.description), status: 401)
    }
    return RegistryError(
      .unauthorized, registry: registry.description, "it refused the credentials of \(credentials)",
      hint: "check the password or token; \(RegistryError.loginHint(registry.description))", status: 401)
  }

  /// A text from outside without the credentials, should a server send them back.
  func redacted(_ text: String) -> String {
    var text = text
    let secrets = [credentials?.secret, credentials?.basicHeader.dropFirst(6).description] + tokens.values.map(\.text)
    for secret in secrets.compactMap(\.self) where !secret.isEmpty {
      text = text.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "…")
    }
    return text
  }

  private func bearer(
    _ server: TokenServer, _ scopes: [String], deadline: ContinuousClock.Instant
  ) async throws -> String {
    while true {
      if let token = tokens[scopes], token.isFresh { return "Bearer \(token.text)" }
      // Many requests at once share one question to the token server.
      let task =
        fetching[scopes]
        ?? Task { [source, registry, transport] in
          let found = try await source.credentials(for: registry)
          credentials = found
          return try await server.token(for: scopes, as: found, over: transport, deadline: deadline)
        }
      fetching[scopes] = task
      defer { if fetching[scopes] == task { fetching[scopes] = nil } }
      do {
        let token = try await task.sharedValue
        tokens[scopes] = token
        return "Bearer \(token.text)"
      } catch let error as CancellationError {
        // Another request that waited for the same token was cancelled, not this one.
        if Task.isCancelled { throw error }
      }
    }
  }

  /// What to ask for: what the request needs, and what the challenge adds. `*`, which Gitea sends, says nothing.
  private static func scopes(_ own: TokenScope?, challenged: String?) -> [String] {
    let asked = challenged?.split(separator: " ").map(String.init) ?? []
    guard let own else { return asked }
    let name = own.description.split(separator: ":").dropLast().joined(separator: ":") + ":"
    return [own.description] + asked.filter { $0 != "*" && !$0.hasPrefix(name) }
  }
}
