// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

/// What a verification has found so far under one manifest or index.
struct ImageContents {
  struct Image {
    var manifest: ImageManifest
    /// As the index says.
    var writtenPlatform: Platform?
    /// `nil` until it is read, and where it could not be.
    var config: ImageConfig?

    var platform: Platform? { config?.platform ?? writtenPlatform }
  }

  var images: [Image] = []
  var attestations: [ImageManifest] = []
  var differences: [VerificationDifference] = []
  private var childSizes: [Digest: ByteCount] = [:]

  mutating func add(
    _ manifest: ImageManifest, digest: Digest, size: ByteCount?, platform: Platform?, isAttestation: Bool
  ) {
    if let size { childSizes[digest] = size }
    if isAttestation {
      attestations.append(manifest)
    } else {
      images.append(Image(manifest: manifest, writtenPlatform: platform))
    }
  }

  var platforms: [Platform] { images.compactMap(\.platform) }

  /// The layers of the images, each once.
  var layers: [Descriptor] { Self.distinct(images.flatMap(\.manifest.layers)) }

  /// The layers of the attestations too.
  var allLayers: [Descriptor] { Self.distinct((images.map(\.manifest) + attestations).flatMap(\.layers)) }

  /// Of all but the top manifest itself.
  var totalSize: ByteCount {
    let configs = Self.distinct((images.map(\.manifest) + attestations).map(\.config))
    let blobs = (configs + allLayers).reduce(ByteCount.zero) { $0 + $1.size }
    return childSizes.values.reduce(blobs) { $0 + $1 }
  }

  func differences(from expectation: VerificationExpectation) -> [VerificationDifference] {
    var differences: [VerificationDifference] = []
    let configs = images.map(\.manifest.config.digest)
    if let expected = expectation.configDigest, !configs.contains(expected) {
      differences.append(.otherConfig(expected: expected, found: configs))
    }
    for image in images {
      // A configuration that could not be read is a difference already.
      guard let config = image.config else { continue }
      for (name, value) in expectation.labels.sorted(by: { $0.key < $1.key }) where config.labels[name] != value {
        let platform = images.count > 1 ? image.platform : nil
        differences.append(.label(name, expected: value, found: config.labels[name], platform: platform))
      }
    }
    for platform in expectation.platforms where !platforms.contains(platform) {
      differences.append(.missingPlatform(platform))
    }
    return differences
  }

  /// By digest and by what is said of it: two descriptors of one digest with two sizes are both looked at.
  private static func distinct(_ descriptors: [Descriptor]) -> [Descriptor] {
    var seen: Set<Descriptor> = []
    return descriptors.filter {
      seen.insert(Descriptor(mediaType: MediaType(""), digest: $0.digest, size: $0.size)).inserted
    }
  }
}
