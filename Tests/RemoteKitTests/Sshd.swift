// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import SystemPackage
import Vocabulary

@testable import RemoteKit

// Foundation has a `Host` too.
typealias Host = RemoteKit.Host

/// A throwaway SSH server on loopback, OpenSSH's unless said, with keys, users' home and known_hosts of its own.
final class Sshd: Sendable {
  let directory: FilePath
  let port: Int
  private let process = Mutex<pid_t?>(nil)

  struct Failure: Error, CustomStringConvertible { var description: String }

  enum Kind: String, CaseIterable, Sendable {
    case openssh, dropbear

    /// Those that can run here: dropbear needs an ``Account`` to find the keys.
    static let here: [Kind] = Account.isPossible ? allCases : [.openssh]
  }

  /// What the server alone takes for the machine's accounts, in a mount namespace of its own: the user's login shell, the
  /// password, and the PAM stack of sshd. Nothing of the machine is changed. Needs root.
  struct Account: Sendable {
    var shell = "/bin/bash"
    var password = "not to be guessed"
    var pam = ""

    static let isPossible = geteuid() == 0
  }

  /// Runs `body` with a server, which is gone afterwards, whatever happens.
  static func with<Value>(
    _ kind: Kind = .openssh, extra: String = "", before: String = "", account: Account? = nil, hostKey: String? = nil,
    _ body: (Sshd) async throws -> Value
  ) async throws -> Value {
    let server = try Sshd(
      kind, extra: extra, before: before, account: account ?? (kind == .dropbear ? Account() : nil), hostKey)
    do {
      try await server.waitUntilItListens()
      let value = try await body(server)
      server.stop()
      return value
    } catch {
      server.stop()
      throw error
    }
  }

  private init(_ kind: Kind, extra: String, before: String, account: Account?, _ hostKey: String?) throws {
    // Short, since the paths of sockets must be.
    directory = FilePath("/tmp/remote-kit.\(UInt32.random(in: 0...UInt32.max))")
    try FileManager.default.createDirectory(
      atPath: directory.string, withIntermediateDirectories: false)
    port = try Self.freePort()
    do {
      try FileManager.default.createDirectory(
        atPath: "/run/sshd", withIntermediateDirectories: true)
      for name in ["home", "agents"] {
        try FileManager.default.createDirectory(
          atPath: path(name), withIntermediateDirectories: true)
      }
      try Self.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path("host"))
      try Self.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path("id"))
      try write("authorized_keys", try read("id.pub"))
      try write("known_hosts", "[127.0.0.1]:\(port) " + (try read("host.pub")))
      try write(
        "sshd_config",
        // The first word on a thing counts.
        """
        \(before)
        \(kind == .openssh ? extra : "")
        ListenAddress 127.0.0.1
        Port \(port)
        HostKey \(hostKey ?? path("host"))
        PidFile none
        AuthorizedKeysFile \(path("authorized_keys"))
        StrictModes no
        UsePAM no
        PermitRootLogin yes
        PasswordAuthentication no
        KbdInteractiveAuthentication no
        MaxSessions 40
        SetEnv HOME=\(path("home"))

        """)
      try configure()
      var words = ["/usr/sbin/sshd", "-D", "-e", "-f", path("sshd_config")]
      if kind == .dropbear { words = try dropbear(extra) }
      if let account { words = try inNamespace(account, words) }
      let pid = try Self.spawn(words, output: path("log"))
      process.withLock { $0 = pid }
    } catch {
      stop()
      throw error
    }
  }

  /// - Parameter extra: its options, separated by blanks.
  private func dropbear(_ extra: String) throws -> [String] {
    try Self.run("dropbearconvert", "openssh", "dropbear", path("host"), path("host.dropbear"))
    try FileManager.default.createDirectory(atPath: path("home/.ssh"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: path("home/.ssh/authorized_keys"), withDestinationPath: path("authorized_keys"))
    return [
      "/usr/sbin/dropbear", "-F", "-E", "-m", "-p", "127.0.0.1:\(port)", "-r", path("host.dropbear"), "-P", path("pid"),
    ] + extra.split(separator: " ").map(String.init)
  }

  private func inNamespace(_ account: Account, _ words: [String]) throws -> [String] {
    let (user, hash) = (NSUserName(), try Self.run("openssl", "passwd", "-6", account.password))
    func replaced(_ file: String, _ line: String) throws -> String {
      let others = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        .filter { !$0.hasPrefix(user + ":") }
      let name = "etc." + file.split(separator: "/").joined(separator: ".")
      try write(name, ([line] + others.map(String.init)).joined(separator: "\n") + "\n")
      return "mount --bind \(path(name)) \(file)"
    }
    var mounts = [
      try replaced("/etc/passwd", "\(user):x:0:0::\(path("home")):\(account.shell)"),
      try replaced("/etc/shadow", "\(user):\(hash.trimmingCharacters(in: .newlines)):19000:0:99999:7:::"),
    ]
    if !account.pam.isEmpty {
      try write("pam", account.pam + "\n")
      mounts.append("mount --bind \(path("pam")) /etc/pam.d/sshd")
    }
    let script = mounts.joined(separator: " && ") + " && exec \"$@\""
    return ["/usr/bin/env", "unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"] + words
  }

  func path(_ name: String) -> String { directory.appending(name).string }

  func read(_ name: String) throws -> String {
    try String(contentsOfFile: path(name), encoding: .utf8)
  }

  func write(_ name: String, _ text: String) throws {
    try text.write(toFile: path(name), atomically: true, encoding: .utf8)
  }

  /// Writes the client's configuration file, with `lines` before what it says otherwise.
  func configure(_ lines: String = "") throws {
    try write(
      "ssh_config",
      """
      \(lines)
      UserKnownHostsFile \(path("known_hosts"))
      GlobalKnownHostsFile none
      HashKnownHosts no
      IdentityFile \(path("id"))
      IdentitiesOnly yes
      IdentityAgent none

      """)
  }

  var host: Host { host(.libssh2) }

  func host(_ transport: Host.Transport) -> Host {
    Host(name: "lab", address: .ssh(name: "127.0.0.1", user: NSUserName(), port: port), transport: transport)
  }

  func options(
    acceptNew: Bool = false,
    passphrase: @escaping @Sendable (String) async -> String? = { _ in nil },
    notice: @escaping @Sendable (String) -> Void = { _ in }
  ) -> ConnectionOptions {
    asking(acceptNew: acceptNew, notice: notice) { question in
      var answers: [String] = []
      for prompt in question.prompts {
        guard let answer = await passphrase(prompt.text) else { return nil }
        answers.append(answer)
      }
      return answers
    }
  }

  func asking(
    acceptNew: Bool = false, notice: @escaping @Sendable (String) -> Void = { _ in },
    _ ask: @escaping @Sendable (Question) async -> [String]?
  ) -> ConnectionOptions {
    ConnectionOptions(
      agentsDirectory: FilePath(path("agents")), environment: ProcessInfo.processInfo.environment,
      sshConfig: FilePath(path("ssh_config")), acceptNewHostKey: acceptNew, ask: ask, notice: notice)
  }

  /// A session that is logged in.
  func session(_ options: ConnectionOptions? = nil) async throws -> SSHSession {
    let options = options ?? self.options()
    let resolution = try await HostResolution.resolve(
      name: "127.0.0.1", user: NSUserName(), port: port, configuration: options.sshConfig,
      host: "lab",
      environment: options.environment)
    return try await SSHSession.open(
      host: "lab", resolution: resolution, options: options, timeout: .seconds(30)
    ) { try TCPTransport.connect(TCPTarget(resolution), deadline: $0, isCancelled: { Task.isCancelled }) }
  }

  /// What a connection to it stands on.
  func link(_ transport: Host.Transport) async throws -> any HostLink {
    let options = options()
    let route = try await Route.resolve(
      name: "127.0.0.1", user: NSUserName(), port: port, configuration: options.sshConfig, host: "lab",
      environment: options.environment)
    if transport == .libssh2 { return try await SessionStack.open(route, host: "lab", options: options) }
    let target = OpenSSHTarget(name: "127.0.0.1", user: NSUserName(), port: port, route: route)
    return try await OpenSSHLink.open(target, host: "lab", options: options)
  }

  var processID: pid_t { process.withLock { $0 } ?? 0 }

  /// The processes that serve the connections.
  func children() -> [pid_t] {
    guard let parent = process.withLock({ $0 }) else { return [] }
    let text =
      (try? String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8))
      ?? ""
    return text.split(separator: " ").compactMap { pid_t($0) }
  }

  private func stop() {
    for child in children() {
      kill(child, SIGCONT)
      kill(child, SIGKILL)
    }
    process.withLock { process in
      guard let pid = process else { return }
      kill(pid, SIGTERM)
      _ = Self.wait(for: pid)
      process = nil
    }
    try? FileManager.default.removeItem(atPath: directory.string)
  }

  private func waitUntilItListens() async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      do {
        try TCPTransport.connect(
          TCPTarget(name: "127.0.0.1", port: port), deadline: .now + .seconds(20), isCancelled: { false }
        ).close()
        return
      } catch {
        guard ContinuousClock.now < deadline,
          process.withLock({ $0.map { kill($0, 0) == 0 } ?? false })
        else {
          throw Failure(description: "the server does not start: \((try? read("log")) ?? "")")
        }
        try await Task.sleep(for: .milliseconds(20))
      }
    }
  }

  @discardableResult
  static func run(_ words: String...) throws -> String {
    let output = "/tmp/remote-kit-output.\(UInt32.random(in: 0...UInt32.max))"
    defer { unlink(output) }
    let status = wait(for: try spawn(["/usr/bin/env"] + words, output: output))
    let text = try String(contentsOfFile: output, encoding: .utf8)
    guard status == 0 else { throw Failure(description: "\(words): \(text)") }
    return text
  }

  // Not Foundation's Process, which takes it for dead when a child closes the descriptors that it inherited, as sshd does.
  static func spawn(_ words: [String], output: String) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var pid: pid_t = 0
    let status = posix_spawn(&pid, words[0], &actions, nil, &arguments, environ)
    guard status == 0 else { throw Errno(rawValue: status) }
    return pid
  }

  static func wait(for pid: pid_t) -> CInt {
    var status: CInt = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    return status
  }

  static func freePort() throws -> Int {
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 ? getsockname(descriptor, $0, &size) : -1
      }
    }
    guard status == 0 else { throw Failure(description: "no free port") }
    return Int(UInt16(bigEndian: address.sin_port))
  }
}
