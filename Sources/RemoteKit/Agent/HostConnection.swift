// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
public import Wire

/// A host that was reached and logged in to, or this machine. Must be closed.
public final class HostConnection: Sendable {
  private enum Link: Sendable {
    case remote(any HostLink)
    case local
  }

  public let host: Host
  private let options: ConnectionOptions
  private let link: Link
  private let timeout: Duration
  private let agents: [String: AgentFile]

  private init(
    _ host: Host, _ options: ConnectionOptions, _ link: Link, agents: [String: AgentFile] = [:], timeout: Duration
  ) {
    self.host = host
    self.options = options
    self.link = link
    self.timeout = timeout
    self.agents = agents
  }

  /// Connects, checks the host's key, and logs in; for `local` there is nothing to do yet.
  public static func connect(host: Host, options: ConnectionOptions) async throws(RemoteError)
    -> HostConnection
  {
    guard case .ssh(let name, let user, let port) = host.address else {
      return HostConnection(host, options, .local, timeout: .seconds(30))
    }
    do {
      // Needed once the session stands, and hashing takes as long as a round trip.
      async let agents = AgentFile.load(
        from: options.agentsDirectory, memory: options.digestMemory.map { DigestMemory(file: $0) })
      let route = try await Route.resolve(
        name: name, user: user, port: port, configuration: options.sshConfig, host: host.name,
        environment: options.environment)
      let link: any HostLink =
        switch host.transport {
        case .libssh2: try await SessionStack.open(route, host: host.name, options: options)
        case .openssh:
          try await OpenSSHLink.open(
            OpenSSHTarget(name: name, user: user, port: port, route: route), host: host.name, options: options)
        }
      let slowest = route.hops.map { options.timeout($0.resolution) }.max() ?? .zero
      return HostConnection(
        host, options, .remote(link), agents: await agents, timeout: max(slowest, .seconds(30)))
    } catch {
      throw remoteError(error, host)
    }
  }

  /// Starts an agent, which is installed first where it is missing, and waits for its hello. Several may run at a time.
  /// - Parameter bulk: a wide receive window, for much data from the host over a slow line.
  public func openAgent(bulk: Bool = false) async throws(RemoteError) -> AgentConnection {
    do {
      switch link {
      case .local: return try await openLocalAgent()
      case .remote(let link):
        do {
          return try await openAgent(link, bulk: bulk, reinstall: false)
        } catch let error as RemoteError
          where error.code == .agentFailed && error.hint == Self.damaged
        {
          return try await openAgent(link, bulk: bulk, reinstall: true)
        }
      }
    } catch {
      throw Self.remoteError(error, host)
    }
  }

  /// Opens a stream to an address as the host sees it, such as a registry that only the host can reach; for `local`, as
  /// this machine does. It lives as long as the connection.
  ///
  /// Throws ``RemoteError/Code/unreachable`` where nothing answers there. With `transport: openssh` that is known no
  /// sooner than at the first read, which throws it.
  public func openTunnel(to address: String, port: Int) async throws(RemoteError) -> any ByteStream {
    do {
      switch link {
      case .remote(let link): return try await link.openTunnel(to: address, port: port, timeout: timeout)
      case .local: return try LocalConnection.open(to: address, port: port, host: host.name, timeout: timeout)
      }
    } catch {
      throw Self.remoteError(error, host)
    }
  }

  /// Closes the connection and with it every agent. Jobs that the agents started go on.
  public func close() async {
    if case .remote(let link) = link { await link.close() }
  }

  private static let damaged =
    "The installed agent may be damaged; it was installed anew and tried again."

  private func openAgent(_ link: any HostLink, bulk: Bool, reinstall: Bool) async throws
    -> AgentConnection
  {
    let command = AgentBootstrap.command(agents: agents, reinstall: reinstall)
    let channel = try await link.execute(command, bulk: bulk, timeout: timeout)
    do {
      let stream = try await AgentInstaller(host: host.name, agents: agents, timeout: timeout)
        .start(on: channel)
      return try await greet(stream, hint: Self.damaged) {
        await channel.standardErrorTail()
      } awaitEnd: {
        try await channel.untilEndOfOutput()
      }
    } catch {
      let said = await channel.standardErrorTail()
      await channel.close()
      guard var failure = error as? RemoteError, failure.code == .agentFailed, !said.isEmpty else {
        throw error
      }
      failure.message += "; it said: \(said.suffix(1000))"
      throw failure
    }
  }

  private func openLocalAgent() async throws -> AgentConnection {
    let architecture = Self.localArchitecture
    guard let path = AgentFile.path(in: options.agentsDirectory, architecture: architecture) else {
      throw RemoteError(
        .noAgentForPlatform, host: host.name,
        "there is no agent linux-\(architecture) in \(options.agentsDirectory)",
        hint: "Install this program whole: its agents belong into libexec/agents beside it.")
    }
    let process: LocalProcess
    do {
      process = try LocalProcess(path, environment: options.environment)
    } catch {
      throw RemoteError(.agentFailed, host: host.name, "\(path) could not be started: \(error)")
    }
    do {
      return try await greet(process, hint: nil) {
        process.standardErrorTail
      } awaitEnd: {
        // A pipe tells its writer.
        while true { try await Task.sleep(for: .seconds(3600)) }
      }
    } catch {
      await process.close()
      throw error
    }
  }

  private static var localArchitecture: String {
    #if arch(arm64)
      "arm64"
    #else
      "amd64"
    #endif
  }

  private func greet(
    _ stream: any ByteStream, hint: String?, diagnostics: @escaping @Sendable () async -> String,
    awaitEnd: @escaping @Sendable () async throws -> Void
  ) async throws -> AgentConnection {
    let frames = FrameConnection(stream)
    do {
      let hello = try await Deadline.run(timeout, host: host.name, "the agent's hello") {
        try await frames.receiveHello()
      }
      guard hello.wire == Hello.currentWire else {
        throw WireError(.malformed, "it speaks protocol \(hello.wire)")
      }
      return AgentConnection(frames: frames, hello: hello, readDiagnostics: diagnostics, awaitEnd: awaitEnd)
    } catch let error as WireError {
      throw RemoteError(
        .agentFailed, host: host.name, "the agent did not start: \(error.context)", hint: hint)
    }
  }

  private static func remoteError(_ error: any Error, _ host: Host) -> RemoteError {
    switch error {
    case let error as RemoteError: error
    case is CancellationError: RemoteError(.closed, host: host.name, "the connection was given up")
    case let error as WireError: RemoteError(.connectionLost, host: host.name, error.context)
    case let error as LibSSH2Failure:
      RemoteError(error.code.remoteCode, host: host.name, error.message)
    default: RemoteError(.protocolFailure, host: host.name, "\(error)")
    }
  }
}
