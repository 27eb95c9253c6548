// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Replaces the tokens of `ssh_config` (ssh_config(5), "TOKENS"), which `ssh -G` leaves as they are.
struct TokenExpansion: Sendable {
  struct Failure: Error, Hashable, CustomStringConvertible { var description: String }

  private let tokens: [Character: String]
  private let environment: [String: String]

  /// What may stand in paths. Not `%C`, which each version of OpenSSH makes of other things.
  init(_ resolution: HostResolution, home: String, environment: [String: String]) {
    let machine = ProcessInfo.processInfo.hostName
    tokens = [
      "%": "%", "d": home, "h": resolution.hostName, "i": String(getuid()), "j": resolution.proxyJump ?? "",
      "k": resolution.hostKeyAlias ?? resolution.originalName, "l": machine,
      "L": String(machine.prefix { $0 != "." }), "n": resolution.originalName, "p": String(resolution.port),
      "r": resolution.user, "u": NSUserName(),
    ]
    self.environment = environment
  }

  /// What may stand in ProxyCommand. Variables are left to the shell that it runs in.
  init(proxyCommandOf resolution: HostResolution) {
    tokens = [
      "%": "%", "h": resolution.hostName, "n": resolution.originalName, "p": String(resolution.port),
      "r": resolution.user,
    ]
    environment = [:]
  }

  /// Replaces each `%x` by what it stands for, and in paths `${NAME}` by the variable.
  func expand(_ text: String) throws(Failure) -> String {
    var result = ""
    var rest = text[...]
    while let character = rest.popFirst() {
      if character == "%" {
        guard let token = rest.popFirst() else { throw Failure(description: "'\(text)' ends in %") }
        guard let value = tokens[token] else {
          throw Failure(description: "the token %\(token) of '\(text)' is not known here")
        }
        result += value
      } else if character == "$", rest.first == "{", tokens["d"] != nil, let end = rest.firstIndex(of: "}") {
        let name = String(rest[rest.index(after: rest.startIndex)..<end])
        guard let value = environment[name] else {
          throw Failure(description: "the variable ${\(name)} of '\(text)' is not set")
        }
        result += value
        rest = rest[rest.index(after: end)...]
      } else {
        result.append(character)
      }
    }
    return result
  }
}
