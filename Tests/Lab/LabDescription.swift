// SPDX-License-Identifier: Apache-2.0

public import SystemPackage

/// Everything that a test needs to know of a running lab.
public struct LabDescription: Sendable, Decodable {
  /// How the lab's keys and host keys are found.
  public struct SSH: Sendable, Decodable {
    /// An ssh_config with an entry for each host and each proxy to a host.
    public let config: LabPath
    public let knownHosts: LabPath
    public let identities: Identities
  }

  /// Private keys; each has its `.pub` beside it.
  public struct Identities: Sendable, Decodable {
    public let ed25519: LabPath
    public let ecdsa: LabPath
    /// An ed25519 key under `passphrase`.
    public let encrypted: LabPath
    /// A key that no host accepts.
    public let unauthorized: LabPath
    public let passphrase: String
  }

  /// What a build on this machine needs to reach the world; to be given to it as secrets, never in a layer.
  public struct Machine: Sendable, Decodable {
    /// A pip.conf that expects the certificates at `certificatesInside`.
    public let pipConf: LabPath
    public let certificates: LabPath
    public let certificatesInside: LabPath
    /// A page of the wheels that this machine keeps, if it keeps any; it can be reached with the network of the host.
    public let findLinks: String?
  }

  public struct StandIn: Sendable, Decodable {
    public let name: String
    /// The index's digest, as `sha256:…`; the same from run to run.
    public let digest: String
    /// The version of the Python that it truly has.
    public let python: String
    public let mirror: String
  }

  public let state: LabPath
  /// The process id of the lab.
  public let process: Int32
  public let hosts: [LabHost]
  public let registries: [LabRegistry]
  public let ssh: SSH
  /// The certificate of the authority that signed the registries'.
  public let authority: LabPath
  public let machine: Machine
  public let standIn: StandIn?

  public func host(_ name: String) -> LabHost? {
    hosts.first { $0.name == name }
  }

  public func registry(_ kind: LabRegistry.Kind) -> LabRegistry? {
    registries.first { $0.kind == kind }
  }
}

/// A file path in the description.
public struct LabPath: Sendable, Decodable, CustomStringConvertible {
  public let path: FilePath

  public init(from decoder: any Decoder) throws {
    path = FilePath(try decoder.singleValueContainer().decode(String.self))
  }

  public var description: String { path.string }
}
