// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Registry
internal import Vocabulary

extension RegistryAccess {
  /// A release that was looked at: whole, or with what is wrong.
  enum Soundness: Sendable {
    case whole(VerifiedImage)
    case broken([String])
  }

  /// Whether what stands under a tag or digest is whole. Throws where the registry could not be asked.
  /// - Parameter digest: what must stand there.
  func soundness(_ repository: String, _ reference: ManifestReference, is digest: Digest? = nil) async throws
    -> Soundness
  {
    do {
      return .whole(
        try await client.verify(
          repository: RepositoryName(repository), reference: reference,
          expectation: VerificationExpectation(manifestDigest: digest)))
    } catch let failure as VerificationFailure {
      return .broken(failure.differences.map(\.description))
    } catch let error as RegistryError where [.protocolViolation, .tooLarge].contains(error.code) {
      return .broken([error.message])
    }
  }

  /// The manifest under a tag or digest; `nil` where there is none.
  func manifest(_ repository: String, _ reference: ManifestReference) async throws -> Manifest? {
    try await client.manifest(RepositoryName(repository), reference)
  }

  func tags(_ repository: String) async throws -> [String] {
    try await client.tags(RepositoryName(repository)).map(\.description)
  }

  /// Writes a manifest's bytes under a tag, and reads them back.
  /// Throws ``DeliveryError`` with `releaseRefused` where something else stands there then.
  func put(_ manifest: Manifest, _ repository: String, tag: String) async throws {
    let name = try RepositoryName(repository)
    let reference = ManifestReference.tag(try Tag(tag))
    do {
      _ = try await client.putManifest(name, reference, bytes: manifest.bytes, mediaType: manifest.mediaType)
    } catch let error as RegistryError where error.code == .protocolViolation {
      throw DeliveryError(
        .releaseRefused, "\(address)/\(repository):\(tag) was written and reads back otherwise",
        details: [error.message], next: ["someone else may move it: look, then run the same command again"])
    }
  }

  /// Whether a tag could be taken away without anything else.
  func remove(_ repository: String, tag: String) async throws -> Bool {
    try await client.deleteTag(RepositoryName(repository), Tag(tag))
  }
}

extension RegistryAccess {
  /// The labels of an image, of an index's first image; none where its configuration cannot be had.
  func labels(_ repository: String, _ manifest: Manifest) async throws -> [String: String] {
    let name = try RepositoryName(repository)
    do {
      let image: ImageManifest
      switch manifest.content {
      case .image(let own): image = own
      case .index(let index):
        guard let first = index.manifests.first(where: { !$0.isAttestation }),
          case .image(let child)? = try await client.manifest(name, .digest(first.digest))?.content
        else { return [:] }
        image = child
      }
      guard let bytes = try await client.blob(name, image.config.digest) else { return [:] }
      return try ImageConfig(bytes: bytes).labels
    } catch let error as RegistryError where [.protocolViolation, .tooLarge].contains(error.code) {
      return [:]
    }
  }
}
