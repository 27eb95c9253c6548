// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// A machine that builds or runs images: what its file in the inventory says, or what its address alone implies.
public struct Host: Hashable, Sendable {
  public enum Builder: String, CaseIterable, Hashable, Sendable, Codable {
    case docker, podman, buildah
  }

  /// What carries the bytes to the agent.
  public enum Transport: String, CaseIterable, Hashable, Sendable, Codable { case libssh2, openssh }

  public struct Limits: Hashable, Sendable {
    public var memory: ByteCount?
    public var cpus: Int?

    public init(memory: ByteCount? = nil, cpus: Int? = nil) {
      self.memory = memory
      self.cpus = cpus
    }
  }

  /// The host file's name without `.yaml`, or the address as it was typed.
  public var name: String
  public var address: HostAddress
  /// Where a workspace's copy lives on the host; `{project}` stands for the workspace's name and a leading `~/` for
  /// the home directory there. Without a word on it: ``defaultWorkspace``.
  public var workspace: String
  /// `nil`: the agent finds out.
  public var builder: Builder?
  /// Empty: the agent's own.
  public var platforms: [Platform]
  public var roles: [String]
  public var maxBuilds: Int?
  /// What must be free on the builder's disk before a build begins; `nil`: a default.
  public var minFreeDisk: ByteCount?
  public var limits: Limits
  public var transport: Transport
  /// The network of `RUN` steps (`docker build --network`), where the builder's default has no way out; `nil`: its default.
  public var buildNetwork: String?

  public static let defaultWorkspace = "~/.cache/remote-build/workspaces/{project}"

  public init(
    name: String, address: HostAddress, workspace: String = Host.defaultWorkspace,
    builder: Builder? = nil,
    platforms: [Platform] = [], roles: [String] = [], maxBuilds: Int? = nil,
    limits: Limits = Limits(),
    transport: Transport = .libssh2, buildNetwork: String? = nil
  ) {
    self.name = name
    self.address = address
    self.workspace = workspace
    self.builder = builder
    self.platforms = platforms
    self.roles = roles
    self.maxBuilds = maxBuilds
    self.limits = limits
    self.transport = transport
    self.buildNetwork = buildNetwork
  }

  /// The directory of `project` on the host, whose home directory is `home`.
  public func workspacePath(project: String, home: String) -> String {
    let path = workspace.replacing("{project}", with: project)
    if path == "~" { return home }
    return path.hasPrefix("~/") ? home + path.dropFirst() : path
  }
}
