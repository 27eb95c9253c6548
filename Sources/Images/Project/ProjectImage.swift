// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// One image of a project, as `remote-build.yaml` describes it.
public struct ProjectImage: Hashable, Sendable {
  /// The last part of its repository.
  public var name: String
  /// The Dockerfile's path, relative to the workspace.
  public var dockerfile: String
  /// The build context's directory, relative to the workspace; empty for the workspace itself.
  public var context: String
  /// Its own version; `nil` where the project's holds.
  public var version: Version?
  /// Names of the hosts that build it and shall have it; empty where roles or the default choose.
  public var hosts: [String]
  /// Roles that choose hosts; empty where nothing is said.
  public var roles: [String]
  /// The platforms that it is built for; empty where the building host's own is meant.
  public var platforms: [Platform]
  /// The most that its compressed layers may weigh.
  public var budget: ByteCount?
  /// A command that must succeed in a container of it.
  public var test: [String]?
  /// Build arguments of its own.
  public var args: [String: String]
  /// BuildKit secrets, in the order of the file.
  public var secrets: [ProjectSecret]
  /// The stage that is built; `nil` for the Dockerfile's last.
  public var target: String?

  public init(
    name: String, dockerfile: String, context: String = "", version: Version? = nil, hosts: [String] = [],
    roles: [String] = [], platforms: [Platform] = [], budget: ByteCount? = nil, test: [String]? = nil,
    args: [String: String] = [:], secrets: [ProjectSecret] = [], target: String? = nil
  ) {
    self.name = name
    self.dockerfile = dockerfile
    self.context = context
    self.version = version
    self.hosts = hosts
    self.roles = roles
    self.platforms = platforms
    self.budget = budget
    self.test = test
    self.args = args
    self.secrets = secrets
    self.target = target
  }
}
