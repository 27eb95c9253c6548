// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import RemoteKit
internal import Synchronization
internal import SystemPackage
internal import Vocabulary
internal import Wire

/// A host under work: a connection, an agent that answers on it, and where the workspace's copy lies there. A connection
/// that broke is replaced in place, so that whoever holds the session goes on with the new one.
final class HostSession: Sendable {
  private struct Link: Sendable {
    var connection: HostConnection
    var agent: AgentConnection

    func close() async {
      await agent.close()
      await connection.close()
    }
  }

  let host: Host
  /// What the first agent said.
  let hello: Hello
  /// The workspace's directory on the host, absolute.
  let workspace: String
  private let options: ConnectionOptions
  private let link: Mutex<Link>
  private let hasBegunPush = Mutex(false)
  private let hasClosed = Mutex(false)
  private let hasToldLimits = Mutex(false)

  var name: String { host.name }
  var platform: Platform { Platform(machine: hello.machine) }
  /// The agent that serves one call after another: sync, slots, starting a job.
  var agent: FrameConnection { link.withLock { $0.agent.frames } }

  private init(host: Host, workspace: String, options: ConnectionOptions, link: Link) {
    self.host = host
    self.workspace = workspace
    self.options = options
    hello = link.agent.hello
    self.link = Mutex(link)
  }

  /// Connects, authenticates, and starts the agent, installing it where this host has not seen it.
  /// - Parameters:
  ///   - project: what `{project}` stands for in a workspace's directory that somebody named.
  ///   - distinctName: what it stands for in the default one.
  static func open(
    _ host: Host, project: String, distinctName: Task<String, Never>, selection: HostSelection, context: RunContext
  ) async throws -> HostSession {
    let options = Self.options(selection, context, host: host.name)
    let link = try await connect(host, options)
    var host = host
    host.workspace = selection.remoteDirectory ?? host.workspace
    // In the default place every project of this user lies side by side, and two may have one directory name.
    let name = host.workspace == Host.defaultWorkspace ? await distinctName.value : project
    return HostSession(
      host: host, workspace: host.workspacePath(project: name, home: link.agent.hello.home), options: options,
      link: link)
  }

  /// How hosts are reached in this run.
  static func options(_ selection: HostSelection, _ context: RunContext, host: String) -> ConnectionOptions {
    ConnectionOptions(
      agentsDirectory: context.agents, environment: context.environmentOfChildren,
      sshConfig: selection.sshConfiguration, acceptNewHostKey: selection.acceptsNewHostKeys,
      digestMemory: context.directories.agentDigests, ask: { question in await context.ask?(question) ?? nil },
      notice: { context.warnOnce($0, host: host) })
  }

  private static func connect(_ host: Host, _ options: ConnectionOptions) async throws -> Link {
    let connection = try await HostConnection.connect(host: host, options: options)
    do {
      return Link(connection: connection, agent: try await connection.openAgent())
    } catch {
      await connection.close()
      throw error
    }
  }

  /// Gives the connection up, which broke, and makes a new one.
  func reconnect() async throws {
    await link.withLock { $0 }.close()
    let new = try await Self.connect(host, options)
    link.withLock { $0 = new }
  }

  /// A further agent on the same connection, for a call that goes on beside others.
  func openAgent(bulk: Bool = false) async throws -> FrameConnection {
    try await link.withLock { $0.connection }.openAgent(bulk: bulk).frames
  }

  /// Does something that needs the first agent, and gives it up when that agent ends, even while nobody reads of it.
  func whileAgentLives<Value: Sendable>(
    _ body: @escaping @Sendable (HostSession) async throws -> Value
  ) async throws -> Value {
    let agent = link.withLock { $0.agent }
    return try await withThrowingTaskGroup(of: Value.self) { group in
      group.addTask { try await body(self) }
      group.addTask {
        try await agent.untilItEnds()
        throw WireError(.truncated, "the agent ended in the middle of its work")
      }
      defer { group.cancelAll() }
      guard let value = try await group.next() else { throw CancellationError() }
      return value
    }
  }

  /// Notes that the first agent waits for the rest of a push.
  func noteBegun() { hasBegunPush.withLock { $0 = true } }

  /// Whether the push that is about to run was begun; it is then no more.
  func takeBegun() -> Bool {
    hasBegunPush.withLock { begun in
      defer { begun = false }
      return begun
    }
  }

  /// The limits of the host file in words, once; `nil` where there are none, or they were told before.
  func untoldLimits() -> String? {
    let limits = host.limits
    let words = [limits.memory.map { "memory \($0)" }, limits.cpus.map { "cpus \($0)" }].compactMap { $0 }
    guard !words.isEmpty else { return nil }
    return hasToldLimits.withLock { told in
      defer { told = true }
      return told ? nil : words.joined(separator: ", ")
    }
  }

  /// A further connection to the host for one call, where the session's own may be broken or about to be replaced.
  func onOwnConnection<Value: Sendable>(_ body: (FrameConnection) async throws -> Value) async throws -> Value {
    let link = try await Self.connect(host, options)
    do {
      let value = try await body(link.agent.frames)
      await link.close()
      return value
    } catch {
      await link.close()
      throw error
    }
  }

  /// `command`, as a person types it to run it there.
  func typed(_ command: String) -> String { CommandHints.on(host, sshConfiguration: options.sshConfig, command) }

  /// Whether ``close()`` was called, and failures on this session are its doing.
  var isClosed: Bool { hasClosed.withLock { $0 } }

  func close() async {
    hasClosed.withLock { $0 = true }
    await link.withLock { $0 }.close()
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
        argv: command, environment: environment, timeout: Double(timeout.components.seconds), credentials: credentials))
  }
}
