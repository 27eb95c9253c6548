// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The program that OpenSSH asks with where there is no terminal, and when it is taken (ssh(1), "SSH_ASKPASS" and
/// "SSH_ASKPASS_REQUIRE"): what it writes is the answer.
struct AskPass: Sendable {
  enum Use: Hashable, Sendable {
    case never
    /// Where there is no terminal.
    case withoutTerminal
    case always
  }

  let program: String
  let use: Use
  private let environment: [String: String]

  private static let standard = "/usr/bin/ssh-askpass"
  /// Bytes that are taken of an answer, as from a terminal.
  private static let limit = 4096

  init(environment: [String: String]) {
    self.environment = environment
    program = environment["SSH_ASKPASS"].flatMap { $0.isEmpty ? nil : $0 } ?? Self.standard
    let hasDisplay = ["DISPLAY", "WAYLAND_DISPLAY"].contains { !(environment[$0] ?? "").isEmpty }
    switch environment["SSH_ASKPASS_REQUIRE"]?.lowercased() {
    case "never": use = .never
    case "force": use = .always
    case "prefer": use = hasDisplay ? .always : .never
    default: use = hasDisplay ? .withoutTerminal : .never
    }
  }

  /// Runs the program, which shows `prompt`; blocks the thread. `nil` where it does not start or ends with a failure.
  func ask(_ prompt: String) -> String? {
    var ends: [CInt] = [0, 0]
    guard pipe(&ends) == 0 else { return nil }
    let (reading, writing) = (ends[0], ends[1])
    defer { close(reading) }
    _ = fcntl(reading, F_SETFD, FD_CLOEXEC)
    _ = fcntl(writing, F_SETFD, FD_CLOEXEC)
    guard let process = start(prompt, output: writing) else {
      close(writing)
      return nil
    }
    close(writing)
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1024)
    while answer.count < Self.limit {
      let count = read(reading, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break }
      answer += buffer[..<count]
    }
    var status: CInt = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    guard status == 0 else { return nil }
    return String(decoding: answer.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }, as: UTF8.self)
  }

  private func start(_ prompt: String, output: CInt) -> pid_t? {
    #if canImport(Glibc)
      var actions = posix_spawn_file_actions_t()
    #else
      var actions: posix_spawn_file_actions_t?
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(program), strdup(prompt), nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var process: pid_t = 0
    return posix_spawn(&process, program, &actions, nil, &arguments, &variables) == 0 ? process : nil
  }
}
