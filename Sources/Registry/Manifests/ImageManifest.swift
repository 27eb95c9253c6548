// SPDX-License-Identifier: Apache-2.0

/// An image of one platform: an OCI image manifest or Docker's manifest of schema 2, which differ in names alone.
public struct ImageManifest: Hashable, Sendable, Decodable {
  public var config: Descriptor
  public var layers: [Descriptor]
  public var annotations: [String: String]

  public init(config: Descriptor, layers: [Descriptor], annotations: [String: String] = [:]) {
    self.config = config
    self.layers = layers
    self.annotations = annotations
  }

  private enum Key: String, CodingKey { case config, layers, annotations }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    config = try container.decode(Descriptor.self, forKey: .config)
    layers = try container.decode([Descriptor].self, forKey: .layers)
    annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations) ?? [:]
  }
}
