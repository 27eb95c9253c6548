// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Subprocess
internal import SystemPackage

/// What OpenSSH's configuration says about an address, asked of `ssh -G` itself.
struct HostResolution: Hashable, Sendable {
  /// `StrictHostKeyChecking`, in the words of `ssh_config`.
  enum HostKeyChecking: String, Hashable, Sendable {
    case ask, yes, no
    case acceptNew = "accept-new"
  }

  /// The name that was asked for.
  var originalName = ""
  var hostName = ""
  var user = ""
  var port = 22
  var addressFamily = AddressFamily.any
  var bindAddress: String?
  var bindInterface: String?
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
  var hostKeyChecking = HostKeyChecking.ask
  var userKnownHosts: [FilePath] = []
  var globalKnownHosts: [FilePath] = []
  var hashKnownHosts = false
  var hostKeyAlias: String?
  var connectTimeout: Duration?
  /// How often the address is tried, a second apart.
  var connectionAttempts = 1
  var tcpKeepAlive = true
  var serverAliveInterval: Duration = .zero
  var serverAliveCount = 3
  var proxyJump: String?
  var proxyCommand: String?
  /// Everything that `ssh -G` printed: the values by keyword, which is in lower case.
  var values: [String: [String]] = [:]

  /// Runs `ssh -G` for `name`, with user and port given apart and the name after `--`.
  /// - Parameter jump: as `ssh -J`; it goes before the name's own ProxyJump and ProxyCommand.
  static func resolve(
    name: String, user: String?, port: Int?, jump: String? = nil, configuration: FilePath?, host: String,
    environment: [String: String]
  ) async throws -> HostResolution {
    var arguments = ["-G"]
    if let configuration { arguments += ["-F", configuration.string] }
    if let port { arguments += ["-p", String(port)] }
    if let user { arguments += ["-l", user] }
    if let jump { arguments += ["-J", jump] }
    let output = try await ask(arguments + ["--", name], host: host, environment: environment)
    var resolution = HostResolution(output: output, home: home(environment))
    resolution.originalName = name
    let unknown = resolution.values.keys.filter { OptionSupport.table[$0] == nil }
    if !unknown.isEmpty {
      // A newer ssh prints options that are not known here; only those that somebody set are worth a word.
      let defaults = HostResolution(
        output: try await ask(["-G", "-F", "none", "--", name], host: host, environment: environment), home: "")
      for keyword in unknown where resolution.values[keyword] == defaults.values[keyword] {
        resolution.values[keyword] = nil
      }
    }
    do throws(TokenExpansion.Failure) {
      let tokens = TokenExpansion(resolution, home: home(environment), environment: environment)
      resolution.identityFiles = try resolution.identityFiles.map { path throws(TokenExpansion.Failure) in
        FilePath(try tokens.expand(path.string))
      }
    } catch {
      throw RemoteError(
        .configuration, host: host, "IdentityFile of the ssh configuration: \(error)",
        hint: "Check the ssh configuration.")
    }
    return resolution
  }

  /// Runs `ssh`, and returns what it printed.
  private static func ask(
    _ arguments: [String], host: String, environment: [String: String]
  ) async throws -> String {
    let result: (succeeded: Bool, output: String, error: String)
    do {
      let surroundings = OpenSSHProgram.surroundings(environment)
      let ended = try await Subprocess.run(
        .path(try await OpenSSHProgram.path(environment)), arguments: Arguments(arguments), environment: surroundings,
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
        "'ssh -G' refused: \(OpenSSHWords.shown(result.error))",
        hint: "Check the ssh configuration.")
    }
    return result.output
  }

  static func home(_ environment: [String: String]) -> String { environment["HOME"] ?? NSHomeDirectory() }

  /// Reads what `ssh -G` prints: a keyword and its value on each line. Tokens such as `%h` stay as they are.
  init(output: String, home: String) {
    func path(_ text: Substring) -> FilePath {
      FilePath(text == "~" || text.hasPrefix("~/") ? home + text.dropFirst() : String(text))
    }
    for line in output.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      guard parts.count == 2 else { continue }
      let value = parts[1]
      values[parts[0].lowercased(), default: []].append(String(value))
      switch parts[0] {
      case "hostname": hostName = String(value)
      case "user": user = String(value)
      case "port": port = Int(value) ?? 22
      case "addressfamily": addressFamily = AddressFamily(rawValue: String(value)) ?? .any
      case "bindaddress": bindAddress = String(value)
      case "bindinterface": bindInterface = String(value)
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
      case "stricthostkeychecking": hostKeyChecking = Self.hostKeyChecking(value)
      case "userknownhostsfile": userKnownHosts = Self.paths(value).map(path)
      case "globalknownhostsfile": globalKnownHosts = Self.paths(value).map(path)
      case "hashknownhosts": hashKnownHosts = value == "yes"
      case "hostkeyalias": hostKeyAlias = String(value)
      case "connecttimeout": connectTimeout = Int(value).flatMap { $0 > 0 ? .seconds($0) : nil }
      case "connectionattempts": connectionAttempts = max(1, Int(value) ?? 1)
      case "tcpkeepalive": tcpKeepAlive = value != "no"
      case "serveraliveinterval": serverAliveInterval = .seconds(Int(value) ?? 0)
      case "serveralivecountmax": serverAliveCount = max(1, Int(value) ?? 3)
      case "proxyjump": proxyJump = value == "none" ? nil : String(value)
      case "proxycommand": proxyCommand = value == "none" ? nil : String(value)
      default: break
      }
    }
  }

  // ssh prints `true` and `false` for what its manual calls yes and no; `off` is another word for no.
  private static func hostKeyChecking(_ value: Substring) -> HostKeyChecking {
    switch value {
    case "true", "yes": .yes
    case "false", "no", "off": .no
    case "accept-new": .acceptNew
    default: .ask
    }
  }

  private static func paths(_ value: Substring) -> [Substring] {
    value == "none" ? [] : value.split(separator: " ")
  }

  /// The agent's socket: as configured, else `SSH_AUTH_SOCK`'s.
  func agentSocket(environment: [String: String]) -> FilePath? {
    switch identityAgent {
    case nil, "SSH_AUTH_SOCK":
      return environment["SSH_AUTH_SOCK"].flatMap { $0.isEmpty ? nil : FilePath($0) }
    case "none": return nil
    case let text? where text.hasPrefix("$") && !text.contains("/"):
      let name = text.dropFirst().trimmingCharacters(in: CharacterSet(charactersIn: "{}"))
      return environment[name].flatMap { $0.isEmpty ? nil : FilePath($0) }
    case let text?:
      let home = Self.home(environment)
      return FilePath(text.hasPrefix("~/") ? home + text.dropFirst() : text)
    }
  }

  /// The name in known_hosts, and the one without a port. An alias stands alone.
  var knownHostsNames: (name: String, plain: String) {
    if let hostKeyAlias { return (hostKeyAlias, hostKeyAlias) }
    let lower = hostName.lowercased()
    return (KnownHosts.name(lower, port: port), lower)
  }

  /// How to find out that the peer is gone. Without a word on it in the configuration: every 15 seconds, three times.
  var keepAlive: SSHSession.KeepAlive {
    serverAliveInterval > .zero
      ? SSHSession.KeepAlive(interval: serverAliveInterval, count: serverAliveCount) : SSHSession.KeepAlive()
  }
}
