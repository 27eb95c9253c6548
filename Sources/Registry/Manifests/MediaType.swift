// SPDX-License-Identifier: Apache-2.0

/// A media type, without parameters.
public struct MediaType: Hashable, Sendable, Codable, CustomStringConvertible {
  public let description: String

  /// What stands before a semicolon, in lower case. A text that could not stand in a header becomes an empty one.
  public init(_ text: String) {
    let type = text.prefix { $0 != ";" }.trimmingASCIISpace.lowercased()
    description = type.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ? type : ""
  }

  public static let ociManifest = MediaType("application/vnd.oci.image.manifest.v1+json")
  public static let ociIndex = MediaType("application/vnd.oci.image.index.v1+json")
  public static let dockerManifest = MediaType("application/vnd.docker.distribution.manifest.v2+json")
  public static let dockerList = MediaType("application/vnd.docker.distribution.manifest.list.v2+json")

  public var isManifest: Bool { self == .ociManifest || self == .dockerManifest }
  public var isIndex: Bool { self == .ociIndex || self == .dockerList }

  /// Layers that a registry need not hold, because they may not be passed on: they name their source themselves.
  public var isForeignLayer: Bool { description.contains(".foreign.") || description.contains(".nondistributable.") }

  /// All four, always: with fewer, registries answer with other manifests than those that were pushed.
  static let accepted: [MediaType] = [.ociManifest, .ociIndex, .dockerManifest, .dockerList]

  public init(from decoder: any Decoder) throws { self.init(try decoder.singleValueContainer().decode(String.self)) }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
