// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Synchronization
public import SystemPackage
public import Vocabulary

/// What a run needs from the world around it: handed in, so that nothing below reads a global.
public struct RunContext: Sendable {
  /// The process's environment; where state and caches live follows from it.
  public var environment: [String: String]
  /// The directory in which relative paths are looked up.
  public var workingDirectory: FilePath
  /// The directory that holds `linux-amd64` and `linux-arm64`, the agents.
  public var agents: FilePath
  /// Who asks, for leases and jobs: `user@laptop`.
  public var owner: String
  /// Asks on the terminal for something that is not to be seen while it is typed; `nil` where there is no terminal.
  public var askSecret: (@Sendable (_ prompt: String) async -> String?)?
  /// Asks on the terminal for a line; `nil` where there is no terminal.
  public var askLine: (@Sendable (_ prompt: String) async -> String?)?
  /// Asks in one piece, and shows the name of the host that wants to know; `nil` where there is nobody to ask.
  public var ask: (@Sendable (Question) async -> [String]?)?
  public var events: EventSink
  /// Before the first repetition of a question to a registry.
  var registryPause = Duration.milliseconds(200)
  /// Set by each run from its own options.
  var hints = CommandHints()
  private let warned = Warned()

  public init(
    environment: [String: String], workingDirectory: FilePath, agents: FilePath, owner: String,
    askSecret: (@Sendable (String) async -> String?)?, askLine: (@Sendable (String) async -> String?)?,
    events: @escaping EventSink
  ) {
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.agents = agents
    self.owner = owner
    self.askSecret = askSecret
    self.askLine = askLine
    self.events = events
  }

  /// Variables that hold secrets, and are not handed to what is started on this machine: `ssh`, a `local` agent.
  var withheld: Set<String> = ["REMOTE_BUILD_REGISTRY_PASSWORD"]

  var environmentOfChildren: [String: String] { environment.filter { !withheld.contains($0.key) } }

  /// The same, with the variables withheld from which images' secrets come.
  func withholding(secretsOf images: [ProjectImage]) -> RunContext {
    var context = self
    for secret in images.flatMap(\.secrets) {
      if case .environment(let name) = secret.source { context.withheld.insert(name) }
    }
    return context
  }

  /// The same for a run with these options, which the commands that it suggests repeat.
  func hinting(_ selection: HostSelection, _ workspace: FilePath?, _ order: BuildOrder? = nil) -> RunContext {
    var context = self
    context.hints = CommandHints(selection: selection, workspace: workspace, order: order)
    return context
  }

  /// The same for a command about releases.
  func hinting(_ selection: HostSelection, _ workspace: FilePath?, _ order: ReleaseOrder) -> RunContext {
    var context = self
    context.hints = CommandHints(selection: selection, workspace: workspace, releases: order)
    return context
  }

  public var directories: StateDirectory { StateDirectory(environment: environment) }

  func emit(_ body: DeliveryEvent.Body, host: String? = nil) { events(DeliveryEvent(host: host, body)) }

  func warn(_ message: String, host: String? = nil) { emit(.warning(.init(message: message)), host: host) }

  /// A warning that is said once a run, however often the host is connected to.
  func warnOnce(_ message: String, host: String) {
    if warned.messages.withLock({ $0.insert([host, message]).inserted }) { warn(message, host: host) }
  }

  private final class Warned: Sendable {
    let messages = Mutex<Set<[String]>>([])
  }
}

/// Which hosts, and how they are reached: what `--host` and its relatives say.
public struct HostSelection: Sendable {
  /// Names of the inventory, `user@address[:port]`, or `local`; empty: the image's own, or any that fits.
  public var names: [String]
  public var all: Bool
  /// The workspace's directory on the hosts, in place of what the host file says.
  public var remoteDirectory: String?
  /// As `ssh -F`.
  public var sshConfiguration: FilePath?
  /// Whether a key that is not known yet is written down and accepted.
  public var acceptsNewHostKeys: Bool

  public init(
    names: [String] = [], all: Bool = false, remoteDirectory: String? = nil, sshConfiguration: FilePath? = nil,
    acceptsNewHostKeys: Bool = false
  ) {
    self.names = names
    self.all = all
    self.remoteDirectory = remoteDirectory
    self.sshConfiguration = sshConfiguration
    self.acceptsNewHostKeys = acceptsNewHostKeys
  }
}

/// What is to be built, and what may be overridden: what the command line says beside the hosts.
public struct BuildOrder: Sendable {
  public var images: [String]
  public var version: String?
  public var registry: String?
  public var owner: String?
  /// The certificates that the registry's own is checked against, in place of what `remote-build.yaml` says.
  public var certificates: FilePath?
  /// Build arguments beside those of `remote-build.yaml`, or in their place.
  public var arguments: [String: String]
  /// Files of BuildKit secrets by id, likewise.
  public var secrets: [String: FilePath]
  /// Whether a version that stands in the registry with another build key is overwritten.
  public var replaces: Bool
  /// Whether a verified release moves the image's channel.
  public var promotes: Bool
  /// Whether it does so although the workspace is not a clean commit.
  public var promotesDirty: Bool
  /// Whether every host builds, in place of one that builds and others that pull.
  public var buildsOnEach: Bool
  /// Whether the run ends with the plan.
  public var isDry: Bool
  public var sync: SyncOrder

  public init(
    images: [String], version: String? = nil, registry: String? = nil, owner: String? = nil,
    certificates: FilePath? = nil, arguments: [String: String] = [:], secrets: [String: FilePath] = [:],
    replaces: Bool = false, promotes: Bool = true, promotesDirty: Bool = false, buildsOnEach: Bool = false,
    isDry: Bool = false, sync: SyncOrder = SyncOrder()
  ) {
    self.images = images
    self.version = version
    self.registry = registry
    self.owner = owner
    self.certificates = certificates
    self.arguments = arguments
    self.secrets = secrets
    self.replaces = replaces
    self.promotes = promotes
    self.promotesDirty = promotesDirty
    self.buildsOnEach = buildsOnEach
    self.isDry = isDry
    self.sync = sync
  }
}

/// What a sync may do that it refuses by itself.
public struct SyncOrder: Sendable {
  /// Whether files in the way that are not managed become managed, and a directory that is not ours becomes the workspace.
  public var adopts: Bool
  /// Whether more than half of the tree may be deleted.
  public var allowsMassDelete: Bool

  public init(adopts: Bool = false, allowsMassDelete: Bool = false) {
    self.adopts = adopts
    self.allowsMassDelete = allowsMassDelete
  }
}
