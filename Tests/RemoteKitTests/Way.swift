// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import SystemPackage
import Wire

@testable import RemoteKit

/// A host behind two jump hosts, each in a network of its own: the first listens here, the second in a network that only
/// the first is in, the target in one that only the second is in. Each has its own user, port and key.
///
/// Needs root, for the networks; the users are ones that every Debian has.
final class Way: Sendable {
  /// How the target is reached.
  enum Kind: String, CaseIterable, Sendable {
    /// `ProxyJump first,second`
    case list
    /// Each jump names the one before it.
    case nested
    /// `ssh://` and addresses with user and port.
    case uris
    /// `ProxyCommand ssh -W …`
    case command
    /// The same as `list`, by the system's ssh.
    case openssh

    var transport: Host.Transport { self == .openssh ? .openssh : .libssh2 }
  }

  static let isPossible = getuid() == 0

  let directory: FilePath
  let port: Int
  static let second = (address: "127.0.0.2", port: 2202)
  static let target = (address: "127.0.0.3", port: 2203)
  private let process = Mutex<pid_t?>(nil)

  /// - Parameter extra: for the target's sshd_config.
  static func with<Value>(extra: String = "", _ body: (Way) async throws -> Value) async throws -> Value {
    let way = try Way(extra)
    do {
      try await way.untilItStands()
      let value = try await body(way)
      way.stop()
      return value
    } catch {
      way.stop()
      throw error
    }
  }

  private init(_ extra: String) throws {
    directory = FilePath("/tmp/remote-kit.\(UInt32.random(in: 0...UInt32.max))")
    try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: false)
    port = try Sshd.freePort()
    do {
      try FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
      for name in ["home", "agents"] {
        try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
      }
      for name in ["first", "second", "target"] {
        for key in ["host-", "key-"] {
          try Sshd.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path(key + name))
        }
        try write("authorized-\(name)", try read("key-\(name).pub"))
        try write(
          "sshd-\(name)",
          """
          HostKey \(path("host-\(name)"))
          PidFile none
          AuthorizedKeysFile \(path("authorized-\(name)"))
          StrictModes no
          UsePAM no
          PermitRootLogin yes
          PasswordAuthentication no
          KbdInteractiveAuthentication no
          MaxSessions 40
          SetEnv HOME=\(path("home"))
          \(name == "target" ? extra : "")

          """)
      }
      try write("known-first", "[127.0.0.1]:\(port) " + (try read("host-first.pub")))
      // Each kind of entry once: plain, hashed with a port, and by an alias.
      try write("known-second", "[\(Self.second.address)]:\(Self.second.port) " + (try read("host-second.pub")))
      try Sshd.run("ssh-keygen", "-H", "-f", path("known-second"))
      try write("known-target", "the-target " + (try read("host-target.pub")))
      try configure(.list)
      try Self.script.write(toFile: path("way.py"), atomically: true, encoding: .utf8)
      let pid = try Sshd.spawn(
        ["/usr/bin/env", "python3", path("way.py"), directory.string, String(port)], output: path("log"))
      process.withLock { $0 = pid }
    } catch {
      stop()
      throw error
    }
  }

  func path(_ name: String) -> String { directory.appending(name).string }
  func read(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }
  func write(_ name: String, _ text: String) throws {
    try text.write(toFile: path(name), atomically: true, encoding: .utf8)
  }

  /// Writes the client's configuration: a file that includes another, with aliases and Match.
  /// - Parameters:
  ///   - target: more of the target's, before what stands there otherwise.
  ///   - second: likewise.
  func configure(_ kind: Kind, first: String = "", second: String = "", target: String = "", all: String = "") throws {
    let way =
      switch kind {
      case .list, .openssh: "ProxyJump first,second"
      case .nested: "ProxyJump second"
      case .uris: "ProxyJump ssh://nobody@127.0.0.1:\(port),ssh://games@\(Self.second.address):\(Self.second.port)"
      case .command: "ProxyCommand ssh -F \(path("ssh_config")) -W '[%h]:%p' -- second"
      }
    try write(
      "jumps.conf",
      """
      Host first 127.0.0.1
        \(first)
        HostName 127.0.0.1
        Port \(port)
        User nobody
        IdentityFile \(path("key-first"))
        UserKnownHostsFile \(path("known-first"))
      Host second \(Self.second.address)
        \(second)
        HostName \(Self.second.address)
        Port \(Self.second.port)
        IdentityFile \(path("key-second"))
        UserKnownHostsFile /nonexistent \(path("known-second"))
        \([.nested, .command].contains(kind) ? "ProxyJump first" : "")
      Match host \(Self.second.address)
        User games

      """)
    try write(
      "ssh_config",
      """
      Include \(path("jumps.conf"))
      Host target
        \(target)
        HostName \(Self.target.address)
        \(way)
      Match originalhost target
        Port \(Self.target.port)
        User root
        HostKeyAlias the-target
        IdentityFile \(path("missing"))
        IdentityFile \(path("key-%n"))
        UserKnownHostsFile \(path("known-target"))
      Host *
        \(all)
        GlobalKnownHostsFile none
        IdentitiesOnly yes
        IdentityAgent none

      """)
  }

  func host(_ kind: Kind) -> Host {
    Host(name: "lab", address: .ssh(name: "target", user: nil, port: nil), transport: kind.transport)
  }

  func options(acceptNew: Bool = false, notice: @escaping @Sendable (String) -> Void = { _ in }) -> ConnectionOptions {
    ConnectionOptions(
      agentsDirectory: FilePath(path("agents")), environment: ProcessInfo.processInfo.environment,
      sshConfig: FilePath(path("ssh_config")), acceptNewHostKey: acceptNew, notice: notice)
  }

  /// What a connection to the target stands on.
  func link(_ kind: Kind) async throws -> any HostLink {
    let options = options()
    let route = try await Route.resolve(
      name: "target", user: nil, port: nil, configuration: options.sshConfig, host: "lab",
      environment: options.environment)
    if kind.transport == .libssh2 { return try await SessionStack.open(route, host: "lab", options: options) }
    return try await OpenSSHLink.open(OpenSSHTarget(name: "target", route: route), host: "lab", options: options)
  }

  /// The processes that serve the connections of `first` or `second`, and theirs.
  func servers(of name: String) throws -> [pid_t] {
    guard let pid = pid_t(try read("pid-\(name)")) else { return [] }
    // The second's network is made from within the first's.
    let inner = pid_t((try? read("pid-second")) ?? "") ?? 0
    return Self.descendants(of: pid) { $0 != inner }
  }

  /// Processes of this machine that were told of this way, but for its own servers.
  func clients() -> [String] {
    let own = process.withLock { $0.map { Set(Self.descendants(of: $0) + [$0]) } ?? [] }
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.compactMap { pid_t($0) }.filter { !own.contains($0) }.compactMap { pid in
      let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
      let text = String(decoding: line, as: UTF8.self).replacing("\0", with: " ")
      return text.contains(path("ssh_config")) ? text : nil
    }
  }

  private static func descendants(of pid: pid_t, where isWanted: (pid_t) -> Bool = { _ in true }) -> [pid_t] {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
    return text.split(separator: " ").compactMap { pid_t($0) }.filter(isWanted).flatMap {
      [$0] + descendants(of: $0, where: isWanted)
    }
  }

  private func stop() {
    process.withLock { process in
      guard let pid = process else { return }
      for server in [pid] + Self.descendants(of: pid) {
        kill(server, SIGKILL)
        kill(server, SIGCONT)
      }
      _ = Sshd.wait(for: pid)
      process = nil
    }
    try? FileManager.default.removeItem(atPath: directory.string)
  }

  private func untilItStands() async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while !FileManager.default.fileExists(atPath: path("ready")) {
      guard ContinuousClock.now < deadline, process.withLock({ $0.map { kill($0, 0) == 0 } ?? false }) else {
        throw Sshd.Failure(description: "the way does not stand: \((try? read("log")) ?? "")")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  /// A listener is made in one network, and the server for its connections is started in the next.
  private static let script = """
    import ctypes, fcntl, os, signal, socket, struct, sys, time
    directory, port = sys.argv[1], int(sys.argv[2])
    libc = ctypes.CDLL(None, use_errno=True)

    def listen(address, port):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(64)
        return listener

    def note(name, text):
        with open(f"{directory}/{name}.new", "w") as file:
            file.write(text)
        os.rename(f"{directory}/{name}.new", f"{directory}/{name}")

    def enter(name):  # a child in a network of its own, which dies with its parent
        if os.fork():
            return False
        libc.prctl(1, signal.SIGKILL)
        if libc.unshare(0x40000000):
            raise OSError(ctypes.get_errno(), "unshare")
        with socket.socket() as any:
            fcntl.ioctl(any, 0x8914, struct.pack("16sh", b"lo", 1 | 64))
        note(f"pid-{name}", str(os.getpid()))
        return True

    def serve(listener, name):
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.dup2(connection.fileno(), 0)
                os.dup2(connection.fileno(), 1)
                os.execv("/usr/sbin/sshd", ["/usr/sbin/sshd", "-i", "-e", "-f", f"{directory}/sshd-{name}"])
            connection.close()

    first = listen("127.0.0.1", port)
    if enter("first"):
        second = listen("127.0.0.2", 2202)
        if enter("second"):
            target = listen("127.0.0.3", 2203)
            if os.fork() == 0:
                libc.prctl(1, signal.SIGKILL)
                serve(target, "target")
            note("ready", "")
            serve(second, "second")
        serve(first, "first")
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.5)
    """
}
