// SPDX-License-Identifier: Apache-2.0

internal import Foundation
public import Vocabulary

/// An image's configuration: OCI image specification, "Image Configuration".
public struct ImageConfig: Hashable, Sendable, Decodable {
  /// One step of the image's making.
  public struct Step: Hashable, Sendable, Decodable {
    public var createdBy: String
    public var comment: String?
    /// Whether the step made no layer.
    public var isEmptyLayer: Bool

    private enum Key: String, CodingKey {
      case createdBy = "created_by"
      case comment
      case isEmptyLayer = "empty_layer"
    }

    public init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      createdBy = try container.decodeIfPresent(String.self, forKey: .createdBy) ?? ""
      comment = try container.decodeIfPresent(String.self, forKey: .comment)
      isEmptyLayer = try container.decodeIfPresent(Bool.self, forKey: .isEmptyLayer) ?? false
    }
  }

  public var created: Timestamp?
  public var platform: Platform
  public var labels: [String: String]
  public var history: [Step]
  /// Digests of the layers' uncompressed archives, the lowest first.
  public var diffIDs: [Digest]

  private enum Key: String, CodingKey { case created, architecture, os, variant, config, history, rootfs }
  private enum RuntimeKey: String, CodingKey { case labels = "Labels" }
  private enum FilesystemKey: String, CodingKey { case diffIDs = "diff_ids" }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    created = (try container.decodeIfPresent(String.self, forKey: .created)).flatMap { Timestamp($0) }
    let variant = try container.decodeIfPresent(String.self, forKey: .variant) ?? ""
    platform = Platform(
      os: try container.decodeIfPresent(String.self, forKey: .os) ?? "unknown",
      architecture: try container.decodeIfPresent(String.self, forKey: .architecture) ?? "unknown",
      variant: variant.isEmpty ? nil : variant)
    if container.contains(.config), try !container.decodeNil(forKey: .config) {
      let runtime = try container.nestedContainer(keyedBy: RuntimeKey.self, forKey: .config)
      labels = try runtime.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
    } else {
      labels = [:]
    }
    history = try container.decodeIfPresent([Step].self, forKey: .history) ?? []
    if container.contains(.rootfs), try !container.decodeNil(forKey: .rootfs) {
      let filesystem = try container.nestedContainer(keyedBy: FilesystemKey.self, forKey: .rootfs)
      diffIDs = try filesystem.decodeIfPresent([Digest].self, forKey: .diffIDs) ?? []
    } else {
      diffIDs = []
    }
  }

  /// Reads a configuration's bytes.
  ///
  /// - Throws: ``RegistryError`` with code `protocolViolation` for bytes that are no image's configuration.
  public init(bytes: [UInt8]) throws(RegistryError) {
    do { self = try JSONDecoder().decode(ImageConfig.self, from: Data(bytes)) } catch {
      throw RegistryError(
        .protocolViolation, "the image's configuration cannot be read: \(String(describing: error).shownSafely)")
    }
  }
}
