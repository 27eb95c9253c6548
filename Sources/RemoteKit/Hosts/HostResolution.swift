// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Subprocess
internal import SystemPackage

/// What OpenSSH's configuration says about an address, asked of `ssh -G` itself.
struct HostResolution: Hashable, Sendable {
  var hostName = ""
  var user = ""
  var port = 22
  var identityFiles: [FilePath] = []
  var identitiesOnly = false
  /// As configured: a path, `SSH_AUTH_SOCK`, `none`, a variable's name after `$`; `nil` where nothing is.
  var identityAgent: String?
  var certificateFiles: [FilePath] = []
  /// As configured, such as `publickey`; `nil`: OpenSSH's order.
  var preferredAuthentications: [String]?
  var allowsPublicKey = true
  var allowsKeyboardInteractive = true
  var allowsPassword = true
  var passwordPrompts = 3
  /// Whether nobody may be asked anything.
  var isBatch = false
  var userKnownHosts: [FilePath] = []
  var globalKnownHosts: [FilePath] = []
  var hashKnownHosts = false
  var hostKeyAlias: String?
  var connectTimeout: Duration?
  var serverAliveInterval: Duration = .zero
  var serverAliveCount = 3
  var proxyJump: String?
  var proxyCommand: String?

  /// Runs `ssh -G` for `name`, with user and port given apart and the name after `--`.
  static func resolve(
    name: String, user: String?, port: Int?, configuration: FilePath?, host: String,
    environment: [String: String]
  ) async throws -> HostResolution {
    var arguments = ["-G"]
    if let configuration { arguments += ["-F", configuration.string] }
    if let port { arguments += ["-p", String(port)] }
    if let user { arguments += ["-l", user] }
    arguments += ["--", name]
    let variables = environment.map { (Subprocess.Environment.Key(rawValue: $0.key), $0.value) }
    let result: (succeeded: Bool, output: String, error: String)
    do {
      let surroundings = Subprocess.Environment.custom(
        Dictionary(variables.compactMap { key, value in key.map { ($0, value) } }) { $1 })
      // Looked up first: to be tried by name costs a process for each directory of PATH before the right one.
      let ssh = try await Executable.name("ssh").resolveExecutablePath(in: surroundings)
      let ended = try await Subprocess.run(
        .path(ssh), arguments: Arguments(arguments), environment: surroundings,
        output: .string(limit: 1 << 20), error: .string(limit: 64 << 10))
      result = (ended.terminationStatus.isSuccess, ended.standardOutput, ended.standardError)
    } catch {
      throw RemoteError(
        .configuration, host: host, "'ssh -G' cannot be run: \(error)",
        hint: "Install the OpenSSH client.")
    }
    guard result.succeeded else {
      throw RemoteError(
        .configuration, host: host,
        "'ssh -G' refused: \(result.error.trimmingCharacters(in: .whitespacesAndNewlines))",
        hint: "Check the ssh configuration.")
    }
    return HostResolution(output: result.output, home: environment["HOME"] ?? NSHomeDirectory())
  }

  /// Reads what `ssh -G` prints: a keyword and its value on each line.
  init(output: String, home: String) {
    func path(_ text: Substring) -> FilePath {
      FilePath(text == "~" || text.hasPrefix("~/") ? home + text.dropFirst() : String(text))
    }
    for line in output.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      guard parts.count == 2 else { continue }
      let value = parts[1]
      switch parts[0] {
      case "hostname": hostName = String(value)
      case "user": user = String(value)
      case "port": port = Int(value) ?? 22
      // One path a line, blanks and all: ssh does not quote them.
      case "identityfile": if value != "none" { identityFiles.append(path(value)) }
      case "identitiesonly": identitiesOnly = value == "yes"
      case "identityagent": identityAgent = String(value)
      case "certificatefile": certificateFiles.append(path(value))
      case "preferredauthentications": preferredAuthentications = value.split(separator: ",").map(String.init)
      // `true`, or how it is bound to the host.
      case "pubkeyauthentication": allowsPublicKey = value != "no" && value != "false"
      case "kbdinteractiveauthentication": allowsKeyboardInteractive = value == "yes"
      case "passwordauthentication": allowsPassword = value == "yes"
      case "numberofpasswordprompts": passwordPrompts = max(1, Int(value) ?? 3)
      case "batchmode": isBatch = value == "yes"
      case "userknownhostsfile": userKnownHosts = Self.paths(value).map(path)
      case "globalknownhostsfile": globalKnownHosts = Self.paths(value).map(path)
      case "hashknownhosts": hashKnownHosts = value == "yes"
      case "hostkeyalias": hostKeyAlias = String(value)
      case "connecttimeout": connectTimeout = Int(value).flatMap { $0 > 0 ? .seconds($0) : nil }
      case "serveraliveinterval": serverAliveInterval = .seconds(Int(value) ?? 0)
      case "serveralivecountmax": serverAliveCount = max(1, Int(value) ?? 3)
      case "proxyjump": proxyJump = value == "none" ? nil : String(value)
      case "proxycommand": proxyCommand = value == "none" ? nil : String(value)
      default: break
      }
    }
  }

  private static func paths(_ value: Substring) -> [Substring] {
    value == "none" ? [] : value.split(separator: " ")
  }

  /// The agent's socket: as configured, else `SSH_AUTH_SOCK`'s.
  func agentSocket(environment: [String: String]) -> FilePath? {
    let home = environment["HOME"] ?? NSHomeDirectory()
    switch identityAgent {
    case nil, "SSH_AUTH_SOCK":
      return environment["SSH_AUTH_SOCK"].flatMap { $0.isEmpty ? nil : FilePath($0) }
    case "none": return nil
    case let text? where text.hasPrefix("$"):
      let name = text.dropFirst().trimmingCharacters(in: CharacterSet(charactersIn: "{}"))
      return environment[name].flatMap { $0.isEmpty ? nil : FilePath($0) }
    case let text?: return FilePath(text.hasPrefix("~/") ? home + text.dropFirst() : text)
    }
  }

  /// The name in known_hosts, and the one without a port. An alias stands alone.
  var knownHostsNames: (name: String, plain: String) {
    if let hostKeyAlias { return (hostKeyAlias, hostKeyAlias) }
    let lower = hostName.lowercased()
    return (KnownHosts.name(lower, port: port), lower)
  }
}
