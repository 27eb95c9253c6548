// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

@testable import Registry

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A server that answers as a test tells it: for what the real registry here never does.
final class ScriptedServer: Sendable {
  struct Request: Sendable {
    var method: String
    var target: String
    var headers: [String: String]
    var body: String

    var path: String { String(target.prefix { $0 != "?" }) }
    var authorization: String? { headers["authorization"] }
  }

  enum Answer: Sendable {
    case reply(Int, [String: String] = [:], String = "")
    /// Announces more bytes than it sends, then closes.
    case truncated(announced: Int, String)
    /// Closes without a word.
    case hangUp
    /// Keeps the connection open and says nothing.
    case silence
  }

  let port: Int
  private let listener: Int32
  private let script: @Sendable (Request, Int) -> Answer
  private let received = Mutex<[Request]>([])
  private let open = Mutex<Set<Int32>>([])

  /// Runs a test against a server, which ends with it.
  ///
  /// - Parameter script: Gets the request and how many came before it.
  static func with<Result>(
    _ script: @escaping @Sendable (Request, Int) -> Answer, test body: (ScriptedServer) async throws -> Result
  ) async throws -> Result {
    let server = try ScriptedServer(script)
    defer { server.stop() }
    return try await body(server)
  }

  private init(_ script: @escaping @Sendable (Request, Int) -> Answer) throws {
    self.script = script
    (listener, port) = try Loopback.listen()
    Thread { self.acceptAll() }.start()
  }

  var requests: [Request] { received.withLock(\.self) }
  var address: RegistryAddress { get throws { try RegistryAddress("http://127.0.0.1:\(port)") } }
  var url: String { "http://127.0.0.1:\(port)" }

  func client(
    _ credentials: any CredentialSource = FixedCredentials(Credentials(username: "harkon", secret: "s3cret-word")),
    deadline: Duration = .seconds(30)
  ) throws -> RegistryClient {
    try RegistryClient(address: address, credentials: credentials, deadline: deadline)
  }

  private func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    open.withLock { for connection in $0 { shutdown(connection, Int32(SHUT_RDWR)) } }
  }

  private func acceptAll() {
    while true {
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { break }
      open.withLock { _ = $0.insert(connection) }
      Thread {
        self.serve(connection)
        self.open.withLock {
          $0.remove(connection)
          close(connection)
        }
      }.start()
    }
    close(listener)
  }

  private func serve(_ connection: Int32) {
    var buffer: [UInt8] = []
    while let request = read(connection, &buffer) {
      let before = received.withLock {
        $0.append(request)
        return $0.count - 1
      }
      switch script(request, before) {
      case .reply(let status, let headers, let body):
        var head = "HTTP/1.1 \(status) Scripted\r\n"
        if status != 204 && headers["Content-Length"] == nil { head += "Content-Length: \(body.utf8.count)\r\n" }
        for (name, value) in headers {
          for line in value.split(separator: "\n") { head += "\(name): \(line)\r\n" }
        }
        send(connection, head + "\r\n" + (request.method == "HEAD" ? "" : body))
      case .truncated(let announced, let body):
        send(connection, "HTTP/1.1 200 Scripted\r\nContent-Length: \(announced)\r\n\r\n" + body)
        return
      case .hangUp: return
      case .silence:
        var byte: UInt8 = 0
        _ = recv(connection, &byte, 1, 0)
        return
      }
    }
  }

  private func read(_ connection: Int32, _ buffer: inout [UInt8]) -> Request? {
    let mark = Array("\r\n\r\n".utf8)
    var end: Int?
    while end == nil {
      end = buffer.indices.first { buffer[$0...].starts(with: mark) }
      if end == nil, !fill(connection, &buffer) { return nil }
    }
    guard let end else { return nil }
    let lines = String(decoding: buffer[..<end], as: UTF8.self).components(separatedBy: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    buffer.removeFirst(end + 4)
    let length = headers["content-length"].flatMap { Int($0) } ?? 0
    while buffer.count < length { if !fill(connection, &buffer) { return nil } }
    let body = String(decoding: buffer[..<length], as: UTF8.self)
    buffer.removeFirst(length)
    let words = lines[0].split(separator: " ").map(String.init)
    return Request(method: words[0], target: words[1], headers: headers, body: body)
  }

  private func fill(_ connection: Int32, _ buffer: inout [UInt8]) -> Bool {
    var piece = [UInt8](repeating: 0, count: 16_384)
    let count = recv(connection, &piece, piece.count, 0)
    guard count > 0 else { return false }
    buffer.append(contentsOf: piece[..<count])
    return true
  }

  private func send(_ connection: Int32, _ text: String) {
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
      #if canImport(Glibc)
        let count = bytes[sent...].withUnsafeBytes {
          Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
      #else
        let count = bytes[sent...].withUnsafeBytes { Darwin.send(connection, $0.baseAddress, $0.count, 0) }
      #endif
      guard count > 0 else { return }
      sent += count
    }
  }
}
