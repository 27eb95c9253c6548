// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Docker's credential helper: the agent under the name `docker-credential-remote-build`. It asks the job's supervisor,
/// which alone has the credentials in its memory.
enum CredentialHelper {
  /// How Docker's configuration names the helper.
  static let suffix = "remote-build"
  static let program = "docker-credential-remote-build"
  /// The environment variable that holds the supervisor's socket.
  static let socketVariable = "REMOTE_BUILD_CREDENTIALS"

  /// Does one operation of the protocol on standard input and output; returns the exit status.
  static func run(_ operation: String?, environment: HostEnvironment) -> CInt {
    switch operation {
    case "get":
      let server = String(decoding: readInput(), as: UTF8.self).split(whereSeparator: \.isWhitespace).first ?? ""
      let answer = ask("get\n\(server)\n", environment)
      // The words by which Docker knows that there is nothing, and goes on without.
      return answer.isEmpty ? say("credentials not found in native keychain\n", status: 1) : say(answer, status: 0)
    case "list":
      let answer = ask("list\n\n", environment)
      return say(answer.isEmpty ? "{}" : answer, status: 0)
    case "store", "erase":
      return say("\(program) keeps nothing: a job's credentials come from its client\n", status: 1)
    default:
      return say("usage: \(program) get|list\n", status: 1)
    }
  }

  private static func ask(_ question: String, _ environment: HostEnvironment) -> String {
    guard let path = environment[socketVariable] else { return "" }
    let socket = FileDescriptor(rawValue: rb_connect_local(path))
    guard socket.rawValue >= 0 else { return "" }
    defer { try? socket.close() }
    guard (try? socket.writeAll(Array(question.utf8))) != nil else { return "" }
    return String(decoding: readAll(socket), as: UTF8.self)
  }

  private static func readInput() -> [UInt8] { readAll(.standardInput) }

  private static func readAll(_ descriptor: FileDescriptor) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while bytes.count < 1 << 20 {
      let count = read(descriptor.rawValue, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break }
      bytes += buffer.prefix(count)
    }
    return bytes
  }

  /// The protocol has its errors on standard output too.
  private static func say(_ text: String, status: CInt) -> CInt {
    _ = try? FileDescriptor.standardOutput.writeAll(Array(text.utf8))
    return status
  }
}
