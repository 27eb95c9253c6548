// SPDX-License-Identifier: Apache-2.0

extension HTTPTransport {
  /// Sends a request and follows redirects.
  func follow(_ request: HTTPRequest, deadline: ContinuousClock.Instant) async throws -> HTTPResponse {
    var request = request
    for _ in 0...5 {
      let response = try await send(request, deadline: deadline)
      guard let next = try request.redirected(by: response) else { return response }
      request = next
    }
    throw request.violation("the registry redirects in a circle")
  }
}

extension HTTPRequest {
  /// The request that a redirect asks for; `nil` for an answer that is none.
  ///
  /// By our own hand, because the rules matter: credentials stay with the origin that they were given for, a body goes
  /// along, and no redirect leads from TLS to plain HTTP.
  func redirected(by response: HTTPResponse) throws(TransportFailure) -> HTTPRequest? {
    guard [301, 302, 303, 307, 308].contains(response.status), let text = response.value("Location") else { return nil }
    guard let next = location.resolving(text) else {
      throw violation("the registry redirects to something that is no address")
    }
    guard next.isSecure || !location.isSecure else {
      throw violation("the registry redirects from TLS to plain HTTP at \(next.authority)")
    }
    var request = self
    if !next.hasSameOrigin(as: location) {
      request.headers.removeAll { ["authorization", "cookie"].contains($0.name.lowercased()) }
    }
    // RFC 9110, section 15.4.4: 303 is answered by a GET. The other statuses keep method and body.
    if response.status == 303, method != .head {
      request.method = .get
      request.body = nil
      request.headers.removeAll { $0.name.lowercased() == "content-type" }
    }
    request.location = next
    return request
  }

  fileprivate func violation(_ message: String) -> TransportFailure {
    TransportFailure(error: RegistryError(.protocolViolation, registry: location.authority, message))
  }
}
