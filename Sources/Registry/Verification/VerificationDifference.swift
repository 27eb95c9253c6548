// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// One thing that is not as it should be in a registry.
public enum VerificationDifference: Hashable, Sendable, CustomStringConvertible {
  /// Nothing stands under the tag or digest.
  case missing(ManifestReference)
  /// The tag's manifest is not the one that the builder pushed.
  case otherManifest(expected: Digest, found: Digest)
  /// The registry's word for the digest is not the digest of the bytes that it sends.
  case falseHeader(said: Digest, bytes: Digest)
  /// The tag's manifest cannot be had by its digest, or the registry calls it something else there.
  case notByDigest(Digest)
  /// A platform's manifest in an index is missing.
  case missingChild(Digest, Platform?)
  case missingConfig(Digest)
  case missingLayer(Digest)
  /// The registry's blob or child manifest has another size than its descriptor says.
  case wrongSize(Digest, expected: ByteCount, found: ByteCount)
  /// The registry sends other bytes under that digest, or bytes that cannot be read.
  case damaged(Digest, reason: String)
  case otherConfig(expected: Digest, found: [Digest])
  /// `found` is `nil` where there is no such label.
  case label(String, expected: String, found: String?, platform: Platform?)
  case missingPlatform(Platform)
  /// An index with no image in it, or one within an index.
  case noImage(Digest)

  public var description: String {
    switch self {
    case .missing(let reference): return "nothing stands at \(reference)"
    case .otherManifest(let expected, let found): return "the builder pushed \(expected), the registry has \(found)"
    case .falseHeader(let said, let bytes): return "the registry says \(said), its bytes have \(bytes)"
    case .notByDigest(let digest): return "the manifest cannot be had by its digest \(digest)"
    case .missingChild(let digest, let platform):
      return "the manifest \(digest)\(platform.map { " for \($0)" } ?? "") of the index is missing"
    case .missingConfig(let digest): return "the configuration \(digest) is missing"
    case .missingLayer(let digest): return "the layer \(digest) is missing"
    case .wrongSize(let digest, let expected, let found):
      return "\(digest) has \(found.bytes) bytes instead of \(expected.bytes)"
    case .damaged(let digest, let reason): return "\(digest) is damaged: \(reason)"
    case .otherConfig(let expected, let found):
      let list = found.map(\.description).joined(separator: ", ")
      return "the configuration built is \(expected), the registry has \(list.isEmpty ? "none" : list)"
    case .label(let name, let expected, let found, let platform):
      let place = platform.map { " of \($0)" } ?? ""
      let value = found.map { "“\($0.shownSafely)”" } ?? "absent"
      return "the label \(name)\(place) is \(value) instead of “\(expected.shownSafely)”"
    case .missingPlatform(let platform): return "there is no image for \(platform)"
    case .noImage(let digest): return "the index \(digest) holds no image"
    }
  }
}

/// The registry answered, and what it has is not what it should have.
public struct VerificationFailure: Error, Hashable, Sendable, CustomStringConvertible {
  public var registry: RegistryAddress
  public var repository: RepositoryName
  public var reference: ManifestReference
  /// Never empty.
  public var differences: [VerificationDifference]

  public var description: String {
    let list = differences.map { "\n  \($0)" }.joined()
    return "\(registry)/\(repository)\(reference.suffix) is not what it should be:\(list)"
  }
}
