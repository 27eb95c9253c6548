// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// One image on one platform, as it shall be built and must then be found in the registry. It is stored with its job, so
/// that any laptop can finish the proof; it holds no credential and no secret's value.
public struct BuildPlan: Hashable, Sendable, Codable {
  /// The image's name in `remote-build.yaml`.
  public var image: String
  /// The version's tag.
  public var tag: String
  /// The repository within the registry: `owner/name`.
  public var repository: String
  /// The registry, and how the laptop that planned reached it. Another may have to reach it otherwise.
  public var registry: ProjectRegistry
  public var platform: Platform
  /// The Dockerfile's path, relative to the workspace.
  public var dockerfile: String
  /// The stage that is built; `nil` for the Dockerfile's last.
  public var target: String?
  /// The build arguments that are passed.
  public var arguments: [String: String]
  /// The images that the build stands on, with the digests that the key was made of.
  public var bases: [Base]
  /// Ids of the secrets that the build is given.
  public var secretIDs: [String]
  /// All labels that the image's config must carry.
  public var labels: [String: String]
  public var buildKey: Digest
  public var treeDigest: Digest
  public var contextDigest: Digest
  /// Why it is built: `libs/requirements-ml.txt changed since v1.0.1`; `nil` where nobody looked.
  public var reason: String?

  public struct Base: Hashable, Sendable, Codable {
    /// The reference as the Dockerfile gives it.
    public var reference: String
    public var digest: Digest

    public init(reference: String, digest: Digest) {
      self.reference = reference
      self.digest = digest
    }
  }

  public init(
    image: String, tag: String, repository: String, registry: ProjectRegistry, platform: Platform, dockerfile: String,
    target: String?, arguments: [String: String], bases: [Base], secretIDs: [String], labels: [String: String],
    buildKey: Digest, treeDigest: Digest, contextDigest: Digest, reason: String? = nil
  ) {
    self.image = image
    self.tag = tag
    self.repository = repository
    self.registry = registry
    self.platform = platform
    self.dockerfile = dockerfile
    self.target = target
    self.arguments = arguments
    self.bases = bases
    self.secretIDs = secretIDs
    self.labels = labels
    self.buildKey = buildKey
    self.treeDigest = treeDigest
    self.contextDigest = contextDigest
    self.reason = reason
  }

  /// `registry/owner/name:tag`.
  public var reference: String { "\(registry.address)/\(repository):\(tag)" }
}
