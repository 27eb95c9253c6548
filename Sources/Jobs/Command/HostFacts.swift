// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// What a client wants to know of a host before it gives it work.
public struct HostFacts: Codable, Hashable, Sendable {
  /// What `uname -m` and `uname -r` print.
  public var machine: String
  public var kernel: String
  /// Processors that this user's processes may use.
  public var cores: Int
  public var memory: ByteCount
  /// What a user without privileges may still write on the filesystem of ``diskPath``.
  public var freeDisk: ByteCount?
  /// The path asked about, or the nearest directory above it that is there.
  public var diskPath: String
  /// Seconds since 1970.
  public var clock: Double
  public var uid: UInt32
  public var user: String
  public var home: String
  /// Every `docker`, `podman` and `buildah` on `PATH`, in its order; absolute. The first docker is not always the one
  /// that can build.
  public var builders: [String]

  public init(
    machine: String, kernel: String, cores: Int, memory: ByteCount, freeDisk: ByteCount?, diskPath: String,
    clock: Double, uid: UInt32, user: String, home: String, builders: [String]
  ) {
    self.machine = machine
    self.kernel = kernel
    self.cores = cores
    self.memory = memory
    self.freeDisk = freeDisk
    self.diskPath = diskPath
    self.clock = clock
    self.uid = uid
    self.user = user
    self.home = home
    self.builders = builders
  }
}
