// SPDX-License-Identifier: Apache-2.0

/// What a lab shall have. Labs of equal options can be shared.
public struct LabOptions: Sendable, Hashable {
  public enum Registries: String, Sendable {
    case htpasswd, token, both, none
  }

  public enum Engine: String, Sendable {
    /// An engine of its own for each host; needs root.
    case own
    /// This machine's engine if it answers, else one of the lab's own.
    case machine
    /// Hosts without Docker.
    case none
  }

  /// One host of the lab; all hosts have the key and the user in common, and nothing else.
  public struct Host: Sendable, Hashable, Encodable {
    public var name: String
    /// False: there is no engine on it, and no client for one.
    public var docker: Bool
    /// True: nothing listens at its port.
    public var dead: Bool
    /// Its user's home is a file system of its own, this big (as for tmpfs: `64m`).
    public var homeSize: String?
    /// Its engine's data lie in a file system of their own, this big.
    public var dataSize: String?

    public init(
      _ name: String, docker: Bool = true, dead: Bool = false, homeSize: String? = nil, dataSize: String? = nil
    ) {
      self.name = name
      self.docker = docker
      self.dead = dead
      self.homeSize = homeSize
      self.dataSize = dataSize
    }
  }

  public var hosts: [Host]
  public var registries: Registries
  public var engine: Engine
  /// A mirror that has the stand-in for `python:3.12-slim`; made once and kept, which takes a minute or two.
  public var standIn: Bool
  /// How long the token server's tokens live; in whole seconds.
  public var tokenLifetime: Duration

  public init(
    hosts: [Host] = [Host("lab-1")], registries: Registries = .none, engine: Engine = .none, standIn: Bool = false,
    tokenLifetime: Duration = .seconds(60)
  ) {
    self.hosts = hosts
    self.registries = registries
    self.engine = engine
    self.standIn = standIn
    self.tokenLifetime = tokenLifetime
  }

  func arguments() throws -> [String] {
    var arguments = ["--hosts", "0", "--registry", registries.rawValue, "--docker", engine.rawValue]
    arguments += ["--token-lifetime", String(tokenLifetime.components.seconds)]
    for host in hosts {
      arguments += ["--host", try line(of: host)]
    }
    return standIn ? arguments + ["--stand-in"] : arguments
  }
}
