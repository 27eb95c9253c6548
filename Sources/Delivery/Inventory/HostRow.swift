// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// A host of the inventory and how it stands: a row of `remote-build hosts`.
public struct HostRow: Codable, Sendable, Hashable {
  public enum State: String, Codable, Sendable {
    /// It is reached, and has a builder that answers.
    case ready
    /// It is reached, and nothing there can build.
    case noBuilder = "no-builder"
    case unreachable
  }

  public var host: String
  /// The file that it comes from; `nil` for one that was named by its address.
  public var file: String?
  public var address: String
  public var state: State
  /// Why it is not ready.
  public var reason: String?
  /// Those of its file, else what its agent says.
  public var platforms: [Platform]
  public var roles: [String]
  public var builder: String?
  /// How many builds run at a time.
  public var maxBuilds: Int
  public var running: Int?
  public var queued: Int?
  /// Where the builder stores, else where the workspace lies.
  public var free: ByteCount?
  /// The exit status of a command that needs it; `nil` where it is ready.
  public var status: ExitStatus?

  init(
    host: String, file: String? = nil, address: String, state: State, reason: String? = nil, platforms: [Platform],
    roles: [String], builder: String? = nil, maxBuilds: Int, running: Int? = nil, queued: Int? = nil,
    free: ByteCount? = nil, status: ExitStatus? = nil
  ) {
    self.host = host
    self.file = file
    self.address = address
    self.state = state
    self.reason = reason
    self.platforms = platforms
    self.roles = roles
    self.builder = builder
    self.maxBuilds = maxBuilds
    self.running = running
    self.queued = queued
    self.free = free
    self.status = status
  }
}
