// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import RemoteKit
internal import Sync
internal import SystemPackage
internal import Vocabulary
internal import Wire

/// A host under work: a connection, an agent that answers on it, and where the workspace's copy lies there.
final class HostSession: Sendable {
  let host: Host
  let hello: Hello
  /// The workspace's directory on the host, absolute.
  let workspace: String
  private let connection: HostConnection
  /// The agent that serves one call after another: sync, slots, starting a job.
  let agent: FrameConnection

  var name: String { host.name }
  var platform: Platform { Platform(machine: hello.machine) }

  private init(host: Host, hello: Hello, workspace: String, connection: HostConnection, agent: FrameConnection) {
    self.host = host
    self.hello = hello
    self.workspace = workspace
    self.connection = connection
    self.agent = agent
  }

  /// Connects, authenticates, and starts the agent, installing it where this host has not seen it.
  static func open(
    _ host: Host, project: String, selection: HostSelection, context: RunContext
  ) async throws -> HostSession {
    let options = ConnectionOptions(
      agentsDirectory: context.agents, environment: context.environmentOfChildren,
      sshConfig: selection.sshConfiguration,
      acceptNewHostKey: selection.acceptsNewHostKeys
    ) { prompt in await context.askSecret?(prompt) }
    let connection = try await HostConnection.connect(host: host, options: options)
    do {
      let agent = try await connection.openAgent()
      var host = host
      host.workspace = selection.remoteDirectory ?? host.workspace
      return HostSession(
        host: host, hello: agent.hello, workspace: host.workspacePath(project: project, home: agent.hello.home),
        connection: connection, agent: agent.frames)
    } catch {
      await connection.close()
      throw error
    }
  }

  /// A further agent on the same connection, for a call that goes on beside others.
  func openAgent() async throws -> FrameConnection { try await connection.openAgent().frames }

  func close() async {
    await agent.close()
    await connection.close()
  }

  /// Runs a short command on the host, on an agent of its own, and waits for its end.
  func run(
    _ command: [String], environment: [String: String] = DockerBuilder.environment, timeout: Duration = .seconds(60),
    credentials: [CredentialEntry] = []
  ) async throws -> CommandResult {
    let agent = try await openAgent()
    defer { Task { await agent.close() } }
    return try await JobClient(agent).run(
      CommandRequest(
        argv: command, environment: environment, timeout: Double(timeout.components.seconds),
        credentials: credentials))
  }
}
