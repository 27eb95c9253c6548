// SPDX-License-Identifier: Apache-2.0

/// One answer, its body read to the end.
struct HTTPResponse: Sendable {
  var status: Int
  var headers: [HTTPHeader]
  /// Empty where the request had a sink that took it.
  var body: [UInt8]
  /// Where the answer came from, after redirects.
  var location: HTTPLocation
  /// When the server's certificate ends, as libcurl writes it; `nil` unless it was asked for.
  var certificateEnd: String?

  var isSuccess: Bool { (200...299).contains(status) }

  /// All values of a header, in the order of their coming.
  func values(_ name: String) -> [String] {
    headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
  }

  func value(_ name: String) -> String? { values(name).first }
}
