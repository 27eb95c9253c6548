// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Answers credential helpers over a socket that this user alone may use. Whoever owns it polls its descriptors, and
/// calls `serve` when one of them is ready; it never waits itself.
///
/// A question is the operation and the server on a line each; the answer is JSON, or nothing where there is none.
final class CredentialServer {
  private let credentials: RegistryCredentials
  private let listener: FileDescriptor
  private var questions: [FileDescriptor: [UInt8]] = [:]

  private static let longestQuestion = 4096
  private static let mostQuestions = 32

  init(_ credentials: RegistryCredentials, socket: FilePath) throws {
    self.credentials = credentials
    listener = try ServiceFailure.wrapping("cannot make the socket \(socket)") {
      FileDescriptor(rawValue: try checked(rb_listen_local(socket.string)))
    }
  }

  func close() {
    for descriptor in questions.keys { try? descriptor.close() }
    questions = [:]
    try? listener.close()
  }

  var descriptors: [FileDescriptor] {
    (questions.count < Self.mostQuestions ? [listener] : []) + questions.keys
  }

  func serve(_ ready: FileDescriptor) {
    guard ready == listener else { return read(ready) }
    let connection = rb_accept_own(listener.rawValue)
    if connection >= 0 { questions[FileDescriptor(rawValue: connection)] = [] }
  }

  private func read(_ connection: FileDescriptor) {
    guard var question = questions[connection] else { return }
    var buffer = [UInt8](repeating: 0, count: 1024)
    let count = recv(connection.rawValue, &buffer, buffer.count, 0)
    if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
    if count > 0 { question += buffer.prefix(count) }
    questions[connection] = question
    let isWhole = question.count { $0 == UInt8(ascii: "\n") } >= 2
    guard isWhole || count <= 0 || question.count > Self.longestQuestion else { return }
    if isWhole {
      // A socket's buffer is empty at first and much larger than an answer.
      let bytes = answer(String(decoding: question, as: UTF8.self))
      _ = send(connection.rawValue, bytes, bytes.count, CInt(MSG_NOSIGNAL))
    }
    questions[connection] = nil
    try? connection.close()
  }

  private func answer(_ question: String) -> [UInt8] {
    let lines = question.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    switch lines[0] {
    case "get": return credentials.answer(for: lines[1]).flatMap { try? FrameConnection.json($0) } ?? []
    case "list": return (try? FrameConnection.json(credentials.list())) ?? []
    default: return []
    }
  }
}
