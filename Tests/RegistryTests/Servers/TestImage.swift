// SPDX-License-Identifier: Apache-2.0

import Foundation
import Vocabulary

@testable import Registry

/// A small image, made in memory and pushed blob by blob.
struct TestImage {
  var config: [UInt8]
  var layers: [[UInt8]]
  var manifest: [UInt8]
  var mediaType = MediaType.ociManifest

  var digest: Digest { Digest.sha256(of: manifest) }
  var configDigest: Digest { Digest.sha256(of: config) }
  var size: ByteCount { ByteCount(config.count + manifest.count) + layers.reduce(.zero) { $0 + ByteCount($1.count) } }

  static let labels = ["dev.remote-build.key": "sha256:abc", "org.opencontainers.image.version": "v1.0.2"]

  init(
    layers: [[UInt8]], labels: [String: String] = labels, architecture: String = "amd64", layerSizeLie: Int = 0
  ) throws {
    self.layers = layers
    config = try Self.json([
      "created": "2026-11-23T20:58:00.5+01:00", "architecture": architecture, "os": "linux",
      "config": ["Labels": labels],
      "rootfs": ["type": "layers", "diff_ids": layers.map { Digest.sha256(of: $0).description }],
      "history": layers.map { _ in ["created_by": "COPY"] },
    ])
    manifest = try Self.json([
      "schemaVersion": 2, "mediaType": MediaType.ociManifest.description,
      "config": Self.descriptor("application/vnd.oci.image.config.v1+json", config),
      "layers": layers.map { Self.descriptor("application/vnd.oci.image.layer.v1.tar", $0, lie: layerSizeLie) },
    ])
  }

  static func json(_ value: [String: Any]) throws -> [UInt8] {
    Array(try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .withoutEscapingSlashes]))
  }

  static func descriptor(_ type: String, _ bytes: [UInt8], lie: Int = 0) -> [String: Any] {
    ["mediaType": type, "digest": Digest.sha256(of: bytes).description, "size": bytes.count + lie]
  }

  func push(to client: RegistryClient, _ repository: RepositoryName, _ reference: ManifestReference? = nil) async throws
  {
    for blob in layers + [config] { try await client.upload(blob, to: repository) }
    _ = try await client.putManifest(repository, reference ?? .digest(digest), bytes: manifest, mediaType: mediaType)
  }
}

extension RegistryClient {
  /// Distribution specification, "Pushing a blob monolithically": POST, then PUT to the location it names.
  func upload(_ blob: [UInt8], to repository: RepositoryName) async throws {
    let scope = TokenScope.push(repository)
    let begun = try await exchange(.post, "/v2/\(repository)/blobs/uploads/", scope: scope, body: [])
    guard begun.status == 202, let text = begun.value("Location"), let location = begun.location.resolving(text) else {
      throw await failure(begun, "begin an upload")
    }
    let joint = location.target.contains("?") ? "&" : "?"
    let target = location.target + joint + "digest=" + Digest.sha256(of: blob).description
    let headers = [HTTPHeader(name: "Content-Type", value: "application/octet-stream")]
    let done = try await exchange(
      HTTPRequest(.put, location.at(target), headers: headers, body: blob), scope: scope)
    guard done.status == 201 else { throw await failure(done, "finish an upload") }
  }
}
