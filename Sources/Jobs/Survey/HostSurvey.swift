// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// What is looked at on a host to tell whether it is fit for work: read, never changed.
public struct HostSurvey: Codable, Hashable, Sendable {
  /// The paths asked about, in their order.
  public var places: [PlaceFacts]
  public var agents: [InstalledAgent]
  /// Directories of running jobs and commands, on tmpfs or in `/tmp`, that hold secrets and Docker configurations.
  public var passing: Int
  /// Such directories that nobody owns any more, and that could not be swept.
  public var leftBehind: [String]
  public var login: LoginFacts
  /// Proxies by where they are set: `HTTPS_PROXY`, `~/.docker/config.json`; without users and passwords.
  public var proxies: [String: String]
  /// `DOCKER_HOST`, where the login's environment has one.
  public var dockerHost: String?

  public init(
    places: [PlaceFacts], agents: [InstalledAgent], passing: Int, leftBehind: [String], login: LoginFacts,
    proxies: [String: String], dockerHost: String?
  ) {
    self.places = places
    self.agents = agents
    self.passing = passing
    self.leftBehind = leftBehind
    self.login = login
    self.proxies = proxies
    self.dockerHost = dockerHost
  }
}

/// A path on the host, and the filesystem that it lies, or would lie, on.
public struct PlaceFacts: Codable, Hashable, Sendable {
  public enum Kind: String, Codable, Sendable { case directory, file, socket, other, missing }

  public var path: String
  public var kind: Kind
  /// The path without symbolic links, where it is another one.
  public var realPath: String?
  /// The path itself, or the nearest directory above it that is there.
  public var nearest: String
  /// Of ``nearest``.
  public var owner: UInt32
  /// Whether this user may write to ``nearest``.
  public var isWritable: Bool
  /// Such as `ext4`, or the number of a kind that has no name here.
  public var filesystem: String
  public var isReadOnly: Bool
  /// Whether nothing on it can be executed.
  public var isNoExec: Bool
  public var size: ByteCount
  /// What this user may still write.
  public var free: ByteCount
  /// 0 where the filesystem does not count them.
  public var inodes: Int64
  public var freeInodes: Int64

  public init(
    path: String, kind: Kind, realPath: String?, nearest: String, owner: UInt32, isWritable: Bool, filesystem: String,
    isReadOnly: Bool, isNoExec: Bool, size: ByteCount, free: ByteCount, inodes: Int64, freeInodes: Int64
  ) {
    self.path = path
    self.kind = kind
    self.realPath = realPath
    self.nearest = nearest
    self.owner = owner
    self.isWritable = isWritable
    self.filesystem = filesystem
    self.isReadOnly = isReadOnly
    self.isNoExec = isNoExec
    self.size = size
    self.free = free
    self.inodes = inodes
    self.freeInodes = freeInodes
  }
}

/// An agent that was installed in this user's home directory.
public struct InstalledAgent: Codable, Hashable, Sendable {
  /// Its SHA-256 in hexadecimal digits.
  public var digest: String
  public var size: ByteCount
  /// When it was started last: the host's clock, in seconds since 1970.
  public var used: Double
  public var isRunning: Bool

  public init(digest: String, size: ByteCount, used: Double, isRunning: Bool) {
    self.digest = digest
    self.size = size
    self.used = used
    self.isRunning = isRunning
  }
}

/// What becomes of this user's processes, and what a login runs.
public struct LoginFacts: Codable, Hashable, Sendable {
  /// The login shell, absolute.
  public var shell: String?
  /// The file of logind's configuration that ends a user's processes at logout; `nil`: none does.
  public var killsProcesses: String?
  /// Whether the user's processes are let live all the same (`loginctl enable-linger`).
  public var lingers: Bool

  public init(shell: String?, killsProcesses: String?, lingers: Bool) {
    self.shell = shell
    self.killsProcesses = killsProcesses
    self.lingers = lingers
  }
}

/// Whether a host reaches a server.
public struct EndpointFacts: Codable, Hashable, Sendable {
  /// To which addresses the name leads on the host.
  public var addresses: [String]
  /// Why the name leads nowhere; `nil` where it does, or nobody could be asked.
  public var resolution: String?
  /// Why no connection was made; `nil` where one was.
  public var failure: String?
  /// How long the connection took.
  public var seconds: Double

  public init(addresses: [String], resolution: String?, failure: String?, seconds: Double) {
    self.addresses = addresses
    self.resolution = resolution
    self.failure = failure
    self.seconds = seconds
  }
}
