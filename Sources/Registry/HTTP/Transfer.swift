// SPDX-License-Identifier: Apache-2.0

internal import CCurl

/// One request under way in libcurl: what it is given, and what it has gathered.
///
/// `@unchecked Sendable`: after it is handed to its ``TransferLoop``, only the loop's thread touches it.
final class Transfer: @unchecked Sendable {
  struct Connection: Sendable {
    var caFile: String?
    /// Where to connect to instead of the request's own host and port.
    var connectTo: (host: String, port: Int)?
    var connectTimeout: Duration
    var timeout: Duration
  }

  enum Outcome: Sendable {
    case response(HTTPResponse)
    /// libcurl failed; `receivedBytes` tells whether the sink has been given something.
    case failed(CurlCode, String, receivedBytes: Bool)
    case sinkFailed(any Error)
    case tooLarge
    case cancelled
  }

  let request: HTTPRequest
  private let connection: Connection
  private let finish: @Sendable (Outcome) -> Void
  private var headers: [HTTPHeader] = []
  private var status = 0
  private var body: [UInt8] = []
  private var received = false
  private var sinkError: (any Error)?
  private var overflowed = false
  private var easy: UnsafeMutableRawPointer?
  private var lists: [UnsafeMutablePointer<curl_slist>] = []
  private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

  init(_ request: HTTPRequest, _ connection: Connection, finish: @escaping @Sendable (Outcome) -> Void) {
    self.request = request
    self.connection = connection
    self.finish = finish
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
  }

  deinit { errorText.deallocate() }

  /// Makes libcurl's handle. The caller adds it to a multi handle and ends it with ``end(_:)``.
  func begin() -> UnsafeMutableRawPointer? {
    guard let easy = curl_easy_init() else { return nil }
    self.easy = easy
    setConnection(easy)
    switch request.method {
    case .get: break
    case .head: set(easy, CURLOPT_NOBODY, 1)
    case .delete: set(easy, CURLOPT_CUSTOMREQUEST, request.method.rawValue)
    case .put, .post, .patch:
      let body = request.body ?? []
      set(easy, CURLOPT_POST, 1)
      _ = ccurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
      _ = body.withUnsafeBytes {
        // libcurl copies the bytes here, so the array may move afterwards. An empty array has no address.
        ccurl_set_pointer(
          easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: $0.baseAddress ?? .init(errorText)))
      }
      set(easy, CURLOPT_CUSTOMREQUEST, request.method.rawValue)
    }
    if request.wantsCertificate { set(easy, CURLOPT_CERTINFO, 1) }
    // No `Expect: 100-continue`, which waits a second at servers that do not know it; no form's type by default.
    var lines = request.headers.map { "\($0.name): \($0.value)" } + ["Expect:"]
    if request.body != nil, !request.headers.contains(where: { $0.name.lowercased() == "content-type" }) {
      lines.append("Content-Type:")
    }
    set(easy, CURLOPT_HTTPHEADER, lines)
    let context = Unmanaged.passUnretained(self).toOpaque()
    _ = ccurl_set_write(
      easy,
      { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        let buffer = UnsafeRawBufferPointer(start: bytes, count: size * count)
        return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().take(buffer) ? buffer.count : 0
      }, context)
    _ = ccurl_set_header(
      easy,
      { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        let buffer = UnsafeRawBufferPointer(start: bytes, count: size * count)
        Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().takeHeader(buffer)
        return buffer.count
      }, context)
    return easy
  }

  private func setConnection(_ easy: UnsafeMutableRawPointer) {
    set(easy, CURLOPT_URL, request.location.text)
    set(easy, CURLOPT_PROTOCOLS_STR, "http,https")
    set(easy, CURLOPT_FOLLOWLOCATION, 0)
    set(easy, CURLOPT_NOSIGNAL, 1)
    set(easy, CURLOPT_USERAGENT, "remote-build")
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, connection.connectTimeout.wholeMilliseconds)
    set(easy, CURLOPT_TIMEOUT_MS, connection.timeout.wholeMilliseconds)
    // Several questions at once share one connection, and one handshake, where the registry speaks HTTP/2.
    set(easy, CURLOPT_PIPEWAIT, 1)
    _ = ccurl_require_tls_1_2(easy)
    _ = ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
    if let caFile = connection.caFile {
      set(easy, CURLOPT_CAINFO, caFile)
      // libcurl's own directory of authorities would be trusted beside it.
      _ = ccurl_set_string(easy, CURLOPT_CAPATH, nil)
    }
    // A proxy cannot reach this machine's own loopback, nor the near end of a tunnel.
    if connection.connectTo != nil || RegistryAddress.isLoopback(request.location.host) {
      set(easy, CURLOPT_NOPROXY, "*")
    }
    if let target = connection.connectTo {
      let name = target.host.contains(":") ? "[\(target.host)]" : target.host
      set(easy, CURLOPT_CONNECT_TO, ["::\(name):\(target.port)"])
    }
  }

  private func set(_ easy: UnsafeMutableRawPointer, _ option: CURLoption, _ value: Int) {
    _ = ccurl_set_long(easy, option, value)
  }

  private func set(_ easy: UnsafeMutableRawPointer, _ option: CURLoption, _ value: String) {
    _ = ccurl_set_string(easy, option, value)
  }

  private func set(_ easy: UnsafeMutableRawPointer, _ option: CURLoption, _ values: [String]) {
    var list: UnsafeMutablePointer<curl_slist>?
    for value in values { list = curl_slist_append(list, value) ?? list }
    guard let list else { return }
    lists.append(list)
    _ = ccurl_set_list(easy, option, list)
  }

  private func takeHeader(_ buffer: UnsafeRawBufferPointer) {
    let line = String(decoding: buffer, as: UTF8.self)
    if line.hasPrefix("HTTP/") {
      // A new head: what came before was an interim answer (1xx) or a proxy's.
      headers = []
      status = line.split(separator: " ").dropFirst().first.flatMap { Int($0.prefix(3)) } ?? 0
    } else if let colon = line.firstIndex(of: ":"), headers.count < 200 {
      let value = line[line.index(after: colon)...].trimmingASCIISpace
      headers.append(HTTPHeader(name: String(line[..<colon]), value: String(value)))
    }
  }

  private func take(_ buffer: UnsafeRawBufferPointer) -> Bool {
    if let sink = request.sink, (200...299).contains(status) {
      received = true
      do { try sink(buffer) } catch {
        sinkError = error
        return false
      }
      return true
    }
    guard body.count + buffer.count <= request.bodyLimit else {
      overflowed = true
      return false
    }
    body.append(contentsOf: buffer)
    return true
  }

  /// Frees libcurl's handle and reports. `nil` for a transfer that was cancelled.
  func end(_ result: CURLcode?) {
    var status = 0
    var certificateEnd: String?
    if let easy {
      _ = ccurl_response_code(easy, &status)
      if request.wantsCertificate, let text = ccurl_certificate_end(easy) { certificateEnd = String(cString: text) }
      curl_easy_cleanup(easy)
    }
    easy = nil
    lists.forEach(curl_slist_free_all)
    lists = []
    guard let result else { return finish(.cancelled) }
    if let sinkError { return finish(.sinkFailed(sinkError)) }
    if overflowed { return finish(.tooLarge) }
    let code = CurlCode(result)
    guard code.isSuccess else {
      let text = String(cString: errorText)
      return finish(.failed(code, text.isEmpty ? code.text : text, receivedBytes: received))
    }
    finish(
      .response(
        HTTPResponse(
          status: status, headers: headers, body: body, location: request.location, certificateEnd: certificateEnd)))
  }
}

extension Duration {
  /// At least one, for libcurl takes zero as "for ever".
  var wholeMilliseconds: Int {
    let (seconds, attoseconds) = components
    let total = Double(seconds) * 1000 + Double(attoseconds) / 1e15
    return Int(min(max(total.rounded(.up), 1), 2e9))
  }
}

extension StringProtocol {
  /// Without spaces, tabs and line ends on both sides.
  var trimmingASCIISpace: SubSequence {
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r\n" || $0 == "\n" || $0 == "\r" }
    let tail = drop(while: isSpace)
    guard let last = tail.lastIndex(where: { !isSpace($0) }) else { return tail }
    return tail[...last]
  }
}
