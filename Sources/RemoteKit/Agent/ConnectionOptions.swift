// SPDX-License-Identifier: Apache-2.0

public import SystemPackage
public import Vocabulary

/// How to connect, whatever the host.
public struct ConnectionOptions: Sendable {
  /// As `ssh -F` takes it; `nil` for the user's own.
  public var sshConfig: FilePath?
  /// Add the key of a host that is not in known_hosts to the user's file, instead of refusing.
  public var acceptNewHostKey = false
  /// Where the agents `linux-amd64` and `linux-arm64` lie.
  public var agentsDirectory: FilePath
  /// Where the agents' digests are remembered, so that a start need not read them all; `nil`: nowhere.
  public var digestMemory: FilePath?
  /// Asks a person for a passphrase, a password or what else a server wants to know, one answer a prompt; `nil` as an
  /// answer: nobody is there to ask. Questions come from several hosts at a time.
  public var ask: @Sendable (Question) async -> [String]?
  /// Is told what the user should know and no error says: an option of the ssh configuration that cannot be honoured, a
  /// security key that waits to be touched. The same may be told again when a host is connected to again.
  public var notice: @Sendable (_ message: String) -> Void
  /// For the TCP connection and the key exchange together, and then for each answer; `nil`: the ssh configuration's
  /// ConnectTimeout, or 15 seconds.
  public var connectTimeout: Duration?
  /// This process's variables: HOME, PATH, SSH_AUTH_SOCK; a local agent inherits them.
  public var environment: [String: String]

  public init(
    agentsDirectory: FilePath, environment: [String: String], sshConfig: FilePath? = nil,
    acceptNewHostKey: Bool = false, connectTimeout: Duration? = nil, digestMemory: FilePath? = nil,
    ask: @escaping @Sendable (Question) async -> [String]? = { _ in nil },
    notice: @escaping @Sendable (_ message: String) -> Void = { _ in }
  ) {
    self.agentsDirectory = agentsDirectory
    self.environment = environment
    self.sshConfig = sshConfig
    self.acceptNewHostKey = acceptNewHostKey
    self.connectTimeout = connectTimeout
    self.digestMemory = digestMemory
    self.ask = ask
    self.notice = notice
  }

  /// How long a hop may take to answer.
  func timeout(_ resolution: HostResolution) -> Duration {
    connectTimeout ?? resolution.connectTimeout ?? .seconds(15)
  }
}
