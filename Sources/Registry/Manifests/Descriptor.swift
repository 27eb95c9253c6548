// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// A pointer to a blob or a manifest: OCI image specification, "Content Descriptors".
public struct Descriptor: Hashable, Sendable, Decodable {
  public var mediaType: MediaType
  public var digest: Digest
  public var size: ByteCount
  public var annotations: [String: String]
  /// For a manifest in an index; `nil` where it is not said, or is `unknown/unknown`.
  public var platform: Platform?

  public init(
    mediaType: MediaType, digest: Digest, size: ByteCount, annotations: [String: String] = [:],
    platform: Platform? = nil
  ) {
    self.mediaType = mediaType
    self.digest = digest
    self.size = size
    self.annotations = annotations
    self.platform = platform
  }

  /// A statement about another manifest of the index (BuildKit's provenance), which no machine runs.
  public var isAttestation: Bool { annotations["vnd.docker.reference.type"] == "attestation-manifest" }

  private enum Key: String, CodingKey { case mediaType, digest, size, annotations, platform }

  private struct WrittenPlatform: Decodable {
    var os: String
    var architecture: String
    var variant: String?
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    mediaType = try container.decodeIfPresent(MediaType.self, forKey: .mediaType) ?? MediaType("")
    digest = try container.decode(Digest.self, forKey: .digest)
    let size = try container.decode(Int64.self, forKey: .size)
    guard size >= 0 else {
      throw DecodingError.dataCorruptedError(forKey: .size, in: container, debugDescription: "a negative size")
    }
    self.size = ByteCount(size)
    annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations) ?? [:]
    let written = try container.decodeIfPresent(WrittenPlatform.self, forKey: .platform)
    platform = written.flatMap { written in
      written.os == "unknown"
        ? nil : Platform(os: written.os, architecture: written.architecture, variant: written.variant)
    }
  }
}
