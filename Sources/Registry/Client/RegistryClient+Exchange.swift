// SPDX-License-Identifier: Apache-2.0

internal import Foundation

extension RegistryClient {
  /// Sends a request to the registry's API, with authentication when it is asked for.
  func exchange(
    _ method: HTTPMethod, _ target: String, scope: TokenScope?, headers: [HTTPHeader] = [], body: [UInt8]? = nil,
    bodyLimit: Int = 4 << 20, sink: (@Sendable (UnsafeRawBufferPointer) throws -> Void)? = nil
  ) async throws -> HTTPResponse {
    var request = HTTPRequest(method, address.endpoint.at(target), headers: headers, body: body)
    request.bodyLimit = bodyLimit
    request.sink = sink
    return try await exchange(request, scope: scope)
  }

  func exchange(_ request: HTTPRequest, scope: TokenScope?) async throws -> HTTPResponse {
    var end = ContinuousClock.now + deadline
    // Only the registry itself is told who asks: a `Link` or a `Location` may name another server.
    guard request.location.hasSameOrigin(as: address.endpoint) else {
      return try await transport.perform(request, deadline: end)
    }
    let header = try await authenticator.header(for: scope, deadline: end)
    let response = try await transport.perform(request.authorized(header), deadline: end)
    guard response.status == 401, response.location.hasSameOrigin(as: address.endpoint) else { return response }
    // How long a person looks for a password does not count.
    try await authenticator.prepare()
    end = ContinuousClock.now + deadline
    let challenges = Challenge.parse(response.values("WWW-Authenticate"))
    let answer = try await authenticator.answer(challenges, to: header, scope: scope, deadline: end)
    let second = try await transport.perform(request.authorized(answer), deadline: end)
    guard second.status == 401 else { return second }
    let isKnown = Challenge.parse(second.values("WWW-Authenticate"))
      .contains { $0.parameters["error"] == "insufficient_scope" }
    if isKnown, let credentials = await authenticator.credentials {
      throw RegistryError(
        .forbidden, registry: address.description,
        "\(credentials) is not allowed \(scope.map { "“\($0)”" } ?? "this")",
        hint: "give the user or token the right to read and write packages there", status: 401)
    }
    throw await authenticator.refusal
  }

  /// What an answer means that is not the one hoped for.
  ///
  /// - Parameters:
  ///   - purpose: What was to be done, as the end of “the registry refused to …”.
  ///   - notFound: What a 404 means.
  func failure(_ response: HTTPResponse, _ purpose: String, notFound: String? = nil) async -> RegistryError {
    let told = await authenticator.redacted(Self.message(of: response)).shownSafely
    let reason = told.isEmpty ? "" : ": \(told)"
    let place = response.location.authority
    let status = response.status
    func error(_ code: RegistryError.Code, _ message: String, _ hint: String? = nil) -> RegistryError {
      RegistryError(code, registry: place, message + reason, hint: hint, status: status)
    }
    switch status {
    case 401:
      return error(.unauthorized, "it refused to \(purpose) (401)", RegistryError.loginHint(address.description))
    case 403:
      return error(
        .forbidden, "it does not allow us to \(purpose) (403)",
        "give the user or token the right to read and write packages there")
    case 404: return error(.notFound, notFound ?? "it has nothing to \(purpose) (404)")
    case 413:
      return error(
        .tooLarge, "it finds the request too large to \(purpose) (413)",
        "raise the limit on bodies of the proxy in front of the registry")
    case 429: return error(.server, "it is too busy to \(purpose) (429)", "try again later")
    case 500...599:
      return error(.server, "it failed to \(purpose) (\(status))", "try again, and read the registry's log")
    case 400...499: return error(.refused, "it refused to \(purpose) (\(status))")
    default: return error(.protocolViolation, "it answered the request to \(purpose) with status \(status)")
    }
  }

  /// The specification's error document: `{"errors": [{"code", "message", "detail"}]}`.
  private static func message(of response: HTTPResponse) -> String {
    struct Document: Decodable {
      struct Entry: Decodable {
        var code: String?
        var message: String?
      }
      var errors: [Entry]
    }
    guard let document = try? JSONDecoder().decode(Document.self, from: Data(response.body)) else { return "" }
    return document.errors.map { [$0.code, $0.message].compactMap(\.self).joined(separator: " ") }
      .joined(separator: "; ")
  }
}

extension HTTPRequest {
  func authorized(_ header: String?) -> HTTPRequest {
    guard let header else { return self }
    var request = self
    request.headers.append(HTTPHeader(name: "Authorization", value: header))
    return request
  }
}
