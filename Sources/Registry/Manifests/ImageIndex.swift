// SPDX-License-Identifier: Apache-2.0

/// Images of several platforms under one name: an OCI image index or Docker's manifest list.
public struct ImageIndex: Hashable, Sendable, Decodable {
  public var manifests: [Descriptor]
  public var annotations: [String: String]

  public init(manifests: [Descriptor], annotations: [String: String] = [:]) {
    self.manifests = manifests
    self.annotations = annotations
  }

  private enum Key: String, CodingKey { case manifests, annotations }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    manifests = try container.decode([Descriptor].self, forKey: .manifests)
    annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations) ?? [:]
  }
}
