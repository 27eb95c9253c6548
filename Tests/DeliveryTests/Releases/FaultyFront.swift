// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// An HTTP server in front of a registry that hands each request on, until it is told to fail from one of them on.
final class FaultyFront: Sendable {
  enum Fault: CaseIterable, Sendable {
    /// Answers 500, and hands nothing on.
    case answers500
    /// Hangs up, as a registry that was killed.
    case hangsUp
    /// Hands the first request on, and is killed before its answer.
    case swallowsAnswer
    /// Hands everything on that only reads, and answers 500 to the rest.
    case refusesWrites
  }

  struct Request: Sendable {
    var method: String
    var target: String
  }

  private struct State: Sendable {
    var requests: [Request] = []
    var fault: (Fault, from: Int)?
    var hasFailed = false
    var before: (@Sendable (Request) -> Void)?
    var refused: (@Sendable (Request) -> Bool)?
    var lie: (@Sendable (Request) -> String?)?
  }

  let port: Int
  private let backend: Int
  private let listener: Int32
  private let state = Mutex(State())

  static func with<Value>(to backend: Int, _ body: (FaultyFront) async throws -> Value) async throws -> Value {
    let front = try FaultyFront(backend)
    defer { shutdown(front.listener, Int32(SHUT_RDWR)) }
    return try await body(front)
  }

  private init(_ backend: Int) throws {
    self.backend = backend
    let listener = try Self.socketDescriptor()
    var address = Self.address(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener, address, length) == 0 && listen(listener, 64) == 0
          && getsockname(listener, address, &length) == 0
      }
    }
    guard bound else { throw PlainRegistry.Failure(description: "no port for the front: \(errno)") }
    self.listener = listener
    port = Int(UInt16(bigEndian: address.sin_port))
    Thread { self.acceptAll() }.start()
  }

  /// Everything that was asked so far.
  var requests: [Request] { state.withLock(\.requests) }

  /// Fails from the request on that comes after so many more.
  func fail(_ fault: Fault, after count: Int) {
    state.withLock {
      $0.fault = (fault, $0.requests.count + count)
      $0.hasFailed = false
    }
  }

  /// Hands everything on again. Whether a request has failed meanwhile.
  @discardableResult
  func heal() -> Bool {
    state.withLock {
      $0.fault = nil
      return $0.hasFailed
    }
  }

  /// Calls `body` before each request is handed on; it may do what somebody else would do just then.
  func intervene(_ body: (@Sendable (Request) -> Void)?) { state.withLock { $0.before = body } }

  /// Answers 500 to the requests that `isRefused` picks.
  func refuse(_ isRefused: (@Sendable (Request) -> Bool)?) { state.withLock { $0.refused = isRefused } }

  /// Answers 200 and a text of its own where `text` returns one.
  func lie(_ text: (@Sendable (Request) -> String?)?) { state.withLock { $0.lie = text } }

  private enum Course { case handOn, drop, answer500, swallow }

  private func course(of request: Request) -> (Course, (@Sendable (Request) -> Void)?) {
    state.withLock { state in
      let number = state.requests.count
      state.requests.append(request)
      if state.refused?(request) == true { return (.answer500, nil) }
      guard let (fault, from) = state.fault, number >= from else { return (.handOn, state.before) }
      let course: Course =
        switch fault {
        case .answers500: .answer500
        case .hangsUp: .drop
        case .swallowsAnswer: number == from ? .swallow : .drop
        case .refusesWrites: request.method == "PUT" ? .answer500 : .handOn
        }
      state.hasFailed = state.hasFailed || course != .handOn
      return (course, state.before)
    }
  }

  private func acceptAll() {
    while true {
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { break }
      Thread {
        self.serve(connection)
        close(connection)
      }.start()
    }
    close(listener)
  }

  /// One request a connection: each answer ends it.
  private func serve(_ connection: Int32) {
    guard let (head, body) = Self.read(connection) else { return }
    var lines = head.components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ").map(String.init)
    guard words.count == 3 else { return }
    let request = Request(method: words[0], target: words[1])
    let (course, before) = course(of: request)
    if let text = state.withLock(\.lie)?(request) {
      let head = "HTTP/1.1 200 Lie\r\nContent-Length: \(text.utf8.count)\r\nConnection: close\r\n\r\n"
      return Self.send(connection, Array((head + text).utf8))
    }
    switch course {
    case .drop: return
    case .answer500:
      Self.send(connection, Array("HTTP/1.1 500 Faulty\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8))
    case .handOn, .swallow:
      before?(request)
      lines.removeAll { $0.lowercased().hasPrefix("connection:") }
      lines.append("Connection: close")
      let answer = forward(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body)
      if course == .handOn { Self.send(connection, answer) }
    }
  }

  private func forward(_ bytes: [UInt8]) -> [UInt8] {
    guard let socket = try? Self.socketDescriptor() else { return [] }
    defer { close(socket) }
    var address = Self.address(UInt16(backend))
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard connected else { return [] }
    Self.send(socket, bytes)
    var answer: [UInt8] = []
    while Self.fill(socket, &answer) {}
    return answer
  }

  private static func read(_ connection: Int32) -> (head: String, body: [UInt8])? {
    var buffer: [UInt8] = []
    while true {
      if let end = buffer.firstRange(of: Array("\r\n\r\n".utf8)) {
        let head = String(decoding: buffer[..<end.lowerBound], as: UTF8.self)
        let length = head.components(separatedBy: "\r\n")
          .first { $0.lowercased().hasPrefix("content-length:") }
          .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }
        var body = Array(buffer[end.upperBound...])
        while body.count < length ?? 0 { if !fill(connection, &body) { return nil } }
        return (head, body)
      }
      if !fill(connection, &buffer) { return nil }
    }
  }

  private static func fill(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Bool {
    var piece = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &piece, piece.count, 0)
    guard count > 0 else { return false }
    buffer += piece[..<count]
    return true
  }

  private static func send(_ descriptor: Int32, _ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      #if canImport(Glibc)
        let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      #else
        let count = rest.withUnsafeBytes { Darwin.send(descriptor, $0.baseAddress, $0.count, 0) }
      #endif
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  private static func socketDescriptor() throws -> Int32 {
    #if canImport(Glibc)
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    #else
      let descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    guard descriptor >= 0 else { throw PlainRegistry.Failure(description: "no socket: \(errno)") }
    return descriptor
  }

  private static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    address.sin_port = port.bigEndian
    return address
  }
}
