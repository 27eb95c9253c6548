// SPDX-License-Identifier: Apache-2.0

enum HTTPMethod: String, Sendable {
  case get = "GET"
  case head = "HEAD"
  case put = "PUT"
  case post = "POST"
  case patch = "PATCH"
  case delete = "DELETE"
}

struct HTTPHeader: Sendable, Hashable {
  var name: String
  var value: String
}

/// One request, without what its connection needs.
struct HTTPRequest: Sendable {
  var method: HTTPMethod
  var location: HTTPLocation
  var headers: [HTTPHeader] = []
  /// Sent as it is; `nil` for none.
  var body: [UInt8]?
  /// The most bytes of an answer's body that are kept.
  var bodyLimit = 4 << 20
  /// Takes the body of a successful answer (2xx) instead of its being kept; other answers' bodies are kept.
  ///
  /// Called on the connection's thread with one piece at a time: it may hash or write, but must not wait.
  var sink: (@Sendable (UnsafeRawBufferPointer) throws -> Void)?

  /// Whether the answer shall tell of the server's certificate, where the request opens a connection.
  var wantsCertificate = false

  init(_ method: HTTPMethod, _ location: HTTPLocation, headers: [HTTPHeader] = [], body: [UInt8]? = nil) {
    self.method = method
    self.location = location
    self.headers = headers
    self.body = body
  }
}
