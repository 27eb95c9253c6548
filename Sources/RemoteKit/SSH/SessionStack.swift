// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// The way to a host over libssh2: one session, or one through a channel of the other where there are jump hosts.
final class SessionStack: HostLink {
  /// The host's own is the last.
  private let sessions: [SSHSession]
  private let tunnels: [Tunnel]

  private init(_ sessions: [SSHSession], _ tunnels: [Tunnel]) { (self.sessions, self.tunnels) = (sessions, tunnels) }

  /// Connects, checks the keys and logs in, hop by hop.
  static func open(_ route: Route, host: String, options: ConnectionOptions) async throws -> SessionStack {
    var sessions: [SSHSession] = []
    var tunnels: [Tunnel] = []
    var jump: JumpHost?
    do {
      for hop in route.hops {
        do {
          let timeout = options.timeout(hop.resolution)
          let transport = try await transport(
            to: hop, through: sessions.last, jump, tunnels: &tunnels, host: host, timeout: timeout, options: options)
          sessions.append(
            try await SSHSession.open(
              host: host, resolution: hop.resolution, options: options, timeout: timeout, over: transport))
          jump = hop.jump
        } catch let error as RemoteError {
          throw error.at(hop.jump)
        }
      }
      return SessionStack(sessions, tunnels)
    } catch {
      await SessionStack(sessions, tunnels).close()
      throw error
    }
  }

  private static func transport(
    to hop: Route.Hop, through outer: SSHSession?, _ jump: JumpHost?, tunnels: inout [Tunnel], host: String,
    timeout: Duration, options: ConnectionOptions
  ) async throws -> @Sendable (ContinuousClock.Instant) throws -> any SSHTransport {
    let resolution = hop.resolution
    if let outer {
      let channel: SSHChannel
      do {
        channel = try await outer.openTunnel(to: resolution.hostName, port: resolution.port, timeout: timeout)
      } catch let error as RemoteError {
        throw error.at(jump)
      }
      let tunnel = try Tunnel(channel, through: jump)
      tunnels.append(tunnel)
      return { _ in tunnel.transport }
    }
    if let command = resolution.proxyCommand {
      let command = try ProxyCommand(command, of: resolution, host: host, environment: options.environment)
      return { _ in try command.start() }
    }
    let target = TCPTarget(resolution)
    return { deadline in
      do throws(TCPFailure) {
        return try TCPTransport.connect(target, deadline: deadline, isCancelled: { Task.isCancelled })
      } catch {
        throw error.remoteError(host: host, name: target.name, port: target.port)
      }
    }
  }

  func execute(_ command: String, bulk: Bool, timeout: Duration) async throws -> any CommandStream {
    try await session.execute(command, window: bulk ? 12 << 20 : 2 << 20, timeout: timeout)
  }

  func openTunnel(to address: String, port: Int, timeout: Duration) async throws -> any ByteStream {
    try await session.openTunnel(to: address, port: port, timeout: timeout)
  }

  private var session: SSHSession { sessions[sessions.count - 1] }

  /// From the host's own session outwards: each is closed while the ones that it runs through still stand.
  func close() async {
    for (index, session) in sessions.enumerated().reversed() {
      await session.close()
      if index > 0 { await tunnels[index - 1].close() }
    }
    // One to a hop that was never reached.
    for tunnel in tunnels.dropFirst(max(0, sessions.count - 1)) { await tunnel.close() }
  }
}

extension TCPTarget {
  init(_ resolution: HostResolution) {
    self.init(
      name: resolution.hostName, port: resolution.port, family: resolution.addressFamily,
      bindAddress: resolution.bindAddress, bindInterface: resolution.bindInterface,
      attempts: resolution.connectionAttempts, keepsAlive: resolution.tcpKeepAlive)
  }
}
