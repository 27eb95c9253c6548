// SPDX-License-Identifier: Apache-2.0

/// A host of the lab, reached by SSH.
public struct LabHost: Sendable, Decodable {
  public let name: String
  public let address: String
  public let port: UInt16
  public let user: String
  public let dead: Bool
  /// The user's home, as the host sees it.
  public let home: LabPath
  /// The same directory as this machine sees it (for root alone); nil for a dead host.
  public let homeSeenFromOutside: LabPath?
  /// The host's root directory as this machine sees it, where the host has one of its own.
  public let rootSeenFromOutside: LabPath?
  /// `ssh-ed25519 AAAA…` and `ecdsa-sha2-nistp256 AAAA…`
  public let hostKeys: [String]
  /// The engine's address for a client on this machine (`unix://…`); nil where the host has none.
  public let docker: String?
  /// The network that builds on this host must name (`host`), or nil where the engine's own will do.
  public let buildNetwork: String?
  /// The host's first process, as this machine counts them.
  public let firstProcess: Int32?
  /// The directory of its logs (sshd.log, dockerd.log).
  public let log: LabPath?
}
