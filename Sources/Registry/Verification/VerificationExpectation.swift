// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// What must be true of an image in a registry.
public struct VerificationExpectation: Hashable, Sendable {
  /// What the builder said that it pushed.
  public var manifestDigest: Digest?
  /// The configuration that it built; in an index, one of its images has it.
  public var configDigest: Digest?
  /// Labels that each image's configuration must carry, with these values.
  public var labels: [String: String]
  /// Platforms that must be there.
  public var platforms: [Platform]

  public init(
    manifestDigest: Digest? = nil, configDigest: Digest? = nil, labels: [String: String] = [:],
    platforms: [Platform] = []
  ) {
    self.manifestDigest = manifestDigest
    self.configDigest = configDigest
    self.labels = labels
    self.platforms = platforms
  }
}
