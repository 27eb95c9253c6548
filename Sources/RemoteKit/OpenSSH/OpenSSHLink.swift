// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import SystemPackage
internal import Wire

/// A host that is reached through the system's `ssh`: one process holds the connection (its ControlMaster, with a socket
/// in a directory of its own), and each stream is a process that runs over it.
///
/// The master lives as long as a pipe to a shell that watches it, so it goes with this process, however that ends.
final class OpenSSHLink: HostLink {
  private let target: OpenSSHTarget
  let host: String
  private let options: ConnectionOptions
  private let program: FilePath
  private let directory: PrivateDirectory
  private let askPass: AskPass
  private let master: LocalProcess
  private let isClosed = Latch()

  /// Between two of our own answers, the connection may take this long beside ConnectTimeout, which ends with the banner.
  private static let patience: Duration = .seconds(30)

  private var socket: String { directory.path.appending("c").string }

  private init(
    _ target: OpenSSHTarget, host: String, options: ConnectionOptions, program: FilePath, directory: PrivateDirectory,
    askPass: AskPass, acceptsNew: Bool
  ) throws {
    (self.target, self.host, self.options, self.program) = (target, host, options, program)
    (self.directory, self.askPass) = (directory, askPass)
    let words = target.master(
      socket: directory.path.appending("c").string, options: options, acceptsNew: acceptsNew)
    master = try LocalProcess(
      "/bin/sh", arguments: ["-c", Self.watcher, "sh", program.string] + words,
      environment: options.environment.merging(askPass.variables) { $1 }, endsGroup: true)
  }

  /// Starts a command, ends it when its own standard input does, with whoever holds the other end, and ends with it:
  /// not sooner, though a signal ends the first `wait`, since `ssh` removes its socket last.
  static let watcher =
    #"exec 3<&0; trap : TERM; "$@" </dev/null 3<&- & p=$!; exec >/dev/null 2>&1; (cat <&3; kill $p) & wait $p; wait $p"#

  /// Connects and logs in, as the configuration has it, but never without a check of the hosts' keys.
  static func open(
    _ target: OpenSSHTarget, host: String, options: ConnectionOptions
  ) async throws -> OpenSSHLink {
    var acceptsNew = false
    for hop in target.route.hops {
      do {
        acceptsNew = try hop.resolution.acceptsNewHostKey(options, host: host)
        if hop.resolution.proxyCommand != nil { try ProxyCommand.check(hop.resolution, host: host) }
      } catch {
        throw error.at(hop.jump)
      }
    }
    let directory: PrivateDirectory
    do {
      directory = try PrivateDirectory(environment: options.environment)
    } catch {
      throw RemoteError(.configuration, host: host, "no directory for the sockets of ssh can be made: \(error)")
    }
    do {
      let askPass = try AskPass(directory: directory.path, acceptsNew: options.acceptNewHostKey, options: options)
      do {
        let link = try OpenSSHLink(
          target, host: host, options: options, program: try await OpenSSHProgram.path(options.environment),
          directory: directory, askPass: askPass, acceptsNew: acceptsNew)
        do {
          try await link.connect()
          return link
        } catch {
          await link.close()
          throw error
        }
      } catch {
        await askPass.close()
        throw error
      }
    } catch {
      directory.remove()
      throw error
    }
  }

  private func connect() async throws {
    let limit = target.route.hops.reduce(Self.patience) { $0 + options.timeout($1.resolution) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.untilReady() }
      group.addTask {
        while self.askPass.quietTime < limit { try await Task.sleep(for: limit - self.askPass.quietTime) }
        throw RemoteError(
          .timedOut, host: self.host, "ssh did not connect within \(limit) and was given up", hint: Deadline.hint)
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  private func untilReady() async throws {
    var said: [UInt8] = []
    while true {
      if said.firstRange(of: Array(OpenSSHTarget.ready.utf8)) != nil { return }
      guard said.count < 1 << 20, let more = try await master.read(upTo: 4096) else {
        throw OpenSSHWords(text: await master.child.lastWords())
          .failure(host: host, question: askPass.hostKeyQuestion, stood: false)
      }
      said += more
    }
  }

  func execute(_ command: String, bulk: Bool, timeout: Duration) async throws -> any CommandStream {
    try await start(target.session(socket: socket, command: command, options: options))
  }

  func openTunnel(to address: String, port: Int, timeout: Duration) async throws -> any ByteStream {
    try await start(target.tunnel(socket: socket, to: address, port: port, options: options))
  }

  private func start(_ words: [String]) async throws -> OpenSSHChannel {
    if master.child.exit != nil { throw await lost() }
    let process = try LocalProcess(
      program, arguments: words, environment: options.environment.merging(askPass.variables) { $1 }, endsGroup: true)
    return OpenSSHChannel(process, of: self)
  }

  /// Why the connection is gone.
  private func lost() async -> RemoteError {
    if isClosed.isOpen { return RemoteError(.closed, host: host, "the connection was closed") }
    return OpenSSHWords(text: await master.child.lastWords()).failure(host: host, question: nil, stood: true)
  }

  /// What a stream's process that failed by itself says: `nil` where the command on the host ended like that.
  func failure(_ words: String) async -> RemoteError? {
    // The master's end is seen a moment after that of its streams.
    if await master.child.hasEnded(within: .seconds(1)) { return await lost() }
    if words.contains("Stdio forwarding request failed") {
      return RemoteError(
        .unreachable, host: host,
        "the server opens no connection to that address; ssh said: \(OpenSSHWords.shown(words))",
        hint: "Check that something listens there, and AllowTcpForwarding and PermitOpen in its sshd_config.")
    }
    if words.contains("Session open refused by peer") || words.contains("session request failed") {
      return RemoteError(
        .protocolFailure, host: host,
        "the server refused another channel; ssh said: \(OpenSSHWords.shown(words))",
        hint: "Its sshd_config may need a higher MaxSessions.")
    }
    return nil
  }

  /// Ends the connection, and with it every stream.
  func close() async {
    isClosed.open()
    await askPass.close()
    // The shell and the master, which ends what it started for jump hosts.
    master.child.end()
    await master.close()
    _ = await master.child.hasEnded(within: .seconds(4))
    directory.remove()
  }
}
