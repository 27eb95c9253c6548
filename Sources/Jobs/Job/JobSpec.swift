// SPDX-License-Identifier: Apache-2.0

/// What a job is to do: steps that run one after another on a host, detached from whoever started them.
public struct JobSpec: Codable, Hashable, Sendable {
  /// Sorts by the time of its making; 1 to 64 ASCII letters and digits. The client makes it.
  public var id: String
  /// What people know the job by: `image:tag`.
  public var title: String
  /// The workspace's directory on the host.
  public var workspace: String
  /// Who started it: `user@laptop`.
  public var owner: String
  public var steps: [JobStep]
  /// What the steps may log in to registries with. Kept in memory only.
  public var credentials: [CredentialEntry]
  /// BuildKit secrets. Kept in memory, and in files on tmpfs for as long as the job runs.
  public var secrets: [SecretEntry]
  /// Paths whose locks this agent holds (``Wire/HeldLocks``) and the job keeps until its end.
  public var holds: [String]
  /// What the client needs to take the run up again: text that the host stores and does not read.
  public var plan: String
  /// How many jobs of this user may run on the host at the same time; the others queue. At least 1.
  public var maxBuilds: Int
  /// Whether it neither waits for others nor counts among those that others wait for, as a pull.
  public var isBesideQueue: Bool
  /// What its log may have at most on the host, in bytes; the oldest go then.
  public var logLimit: Int
  /// What the agent that starts it has to say to whoever asked; a client leaves it empty.
  public var warnings: [String] = []
  /// Whether the steps get a Docker configuration that answers with `credentials`.
  public var dockerConfig: Bool

  public init(
    id: String, title: String, workspace: String, owner: String, steps: [JobStep],
    credentials: [CredentialEntry] = [], secrets: [SecretEntry] = [], holds: [String] = [], plan: String = "",
    maxBuilds: Int = 1, isBesideQueue: Bool = false, logLimit: Int = JobSpec.defaultLogLimit, dockerConfig: Bool = true
  ) {
    self.id = id
    self.title = title
    self.workspace = workspace
    self.owner = owner
    self.steps = steps
    self.credentials = credentials
    self.secrets = secrets
    self.holds = holds
    self.plan = plan
    self.maxBuilds = maxBuilds
    self.isBesideQueue = isBesideQueue
    self.logLimit = logLimit
    self.dockerConfig = dockerConfig
  }

  /// 32 MiB: some hundred times what a build prints.
  public static let defaultLogLimit = 32 << 20

  /// The same without what must not be written down.
  var withoutSecrets: JobSpec {
    var spec = self
    spec.credentials = []
    spec.secrets = []
    return spec
  }
}

/// One command of a job. It succeeds with exit status 0; the steps after one that fails do not run.
public struct JobStep: Codable, Hashable, Sendable {
  /// `build`, `push`, `pull`, …
  public var name: String
  /// The command. In each argument `{secrets}` stands for the directory with the secrets, each in a file named by its
  /// id, and `{outputs}` for the directory of ``outputs``.
  public var argv: [String]
  /// Added to the environment that the agent has on the host.
  public var environment: [String: String]
  /// Where it runs; absolute.
  public var directory: String
  /// Files in `{outputs}` whose text goes into the status when the step has succeeded, 64 KiB of each at most.
  public var outputs: [String]

  public init(
    name: String, argv: [String], environment: [String: String] = [:], directory: String = "/", outputs: [String] = []
  ) {
    self.name = name
    self.argv = argv
    self.environment = environment
    self.directory = directory
    self.outputs = outputs
  }
}

/// A registry's user and password. A `username` of `<token>` makes the password an identity token.
public struct CredentialEntry: Codable, Hashable, Sendable {
  /// The registry's address as in an image's name: `gitea.example.com`, `127.0.0.1:5000`, `docker.io`.
  public var registry: String
  public var username: String
  public var password: String

  public init(registry: String, username: String, password: String) {
    self.registry = registry
    self.username = username
    self.password = password
  }
}

/// A BuildKit secret.
public struct SecretEntry: Codable, Hashable, Sendable {
  /// Its id, and the name of its file: ASCII letters, digits, `-`, `_`, `.`, not beginning with a dot.
  public var id: String
  /// The content, in base64.
  public var data: String

  public init(id: String, data: String) {
    self.id = id
    self.data = data
  }
}
