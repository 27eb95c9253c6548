// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// An image that is whole in its registry, and is what was expected.
public struct VerifiedImage: Hashable, Sendable {
  public var registry: RegistryAddress
  public var repository: RepositoryName
  public var reference: ManifestReference
  /// Of the manifest or index that the reference names.
  public var digest: Digest
  public var mediaType: MediaType
  /// In the index's order.
  public var platforms: [Platform]
  /// The layers of all platforms, each once, the lowest first.
  public var layers: [Descriptor]
  /// What the registry keeps for it: manifests, configurations and layers, each once, compressed as they are.
  public var totalSize: ByteCount
  /// Of the first platform's configuration.
  public var labels: [String: String]
  /// Of the first platform's image.
  public var configDigest: Digest
  public var created: Timestamp?

  /// `registry/owner/name@sha256:…`: what pulls exactly this image.
  public var pinned: ImageReference {
    ImageReference(registry: registry, repository: repository, digest: digest)
  }
}
