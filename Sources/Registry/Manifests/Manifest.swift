// SPDX-License-Identifier: Apache-2.0

internal import Foundation
public import Vocabulary

/// A manifest or an index as the registry keeps it: its own bytes, which alone have its digest.
public struct Manifest: Hashable, Sendable {
  /// Read into values.
  public enum Content: Hashable, Sendable {
    case image(ImageManifest)
    case index(ImageIndex)
  }

  public var bytes: [UInt8]
  /// As the registry says; what the bytes say where it says nothing of use.
  public var mediaType: MediaType
  /// Of the bytes, computed here.
  public var digest: Digest
  /// What the registry calls their digest (`Docker-Content-Digest`), if it does.
  public var headerDigest: Digest?
  public var content: Content

  public var size: ByteCount { ByteCount(bytes.count) }

  /// - Parameter mediaType: The answer's Content-Type.
  /// - Throws: ``RegistryError`` with code `protocolViolation` for bytes that are neither manifest nor index.
  public init(bytes: [UInt8], mediaType: MediaType?, headerDigest: Digest? = nil) throws(RegistryError) {
    struct Head: Decodable {
      var schemaVersion: Int?
      var mediaType: MediaType?
    }
    let data = Data(bytes)
    let head = try? JSONDecoder().decode(Head.self, from: data)
    guard head?.schemaVersion == 2 else {
      throw RegistryError(
        .protocolViolation, "the manifest is not of schema 2 of OCI or Docker",
        hint: "push the image again with a builder of the last ten years")
    }
    // Some registries serve everything as application/json or octet-stream.
    let known = [mediaType, head?.mediaType].compactMap(\.self).first { $0.isManifest || $0.isIndex }
    do {
      if known?.isIndex == true {
        content = .index(try JSONDecoder().decode(ImageIndex.self, from: data))
      } else if known?.isManifest == true {
        content = .image(try JSONDecoder().decode(ImageManifest.self, from: data))
      } else if let index = try? JSONDecoder().decode(ImageIndex.self, from: data) {
        content = .index(index)
      } else {
        content = .image(try JSONDecoder().decode(ImageManifest.self, from: data))
      }
    } catch {
      throw RegistryError(.protocolViolation, "the manifest cannot be read: \(String(describing: error).shownSafely)")
    }
    self.bytes = bytes
    switch content {
    case .image: self.mediaType = known ?? .ociManifest
    case .index: self.mediaType = known ?? .ociIndex
    }
    digest = Digest.sha256(of: bytes)
    self.headerDigest = headerDigest
  }
}
