// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Registry

@Suite struct ManifestTests {
  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("2026-11-23T20:58:00.123456789Z", 1_795_467_480),
    ("2024-02-29T23:59:59+01:30", 1_709_245_799), ("2000-03-01t00:00:00-00:01", 951_868_860),
    ("1969-12-31T23:59:59Z", -1), ("0001-01-01T00:00:00Z", -62_135_596_800),
  ]) func times(text: String, seconds: Int64) throws {
    let time = try #require(Timestamp(text))
    #expect(time.secondsSinceEpoch == seconds)
    #expect(Timestamp(time.description) == time)
  }

  @Test(arguments: [
    "", "2026-11-23", "2026-13-01T00:00:00Z", "2026-11-23T20:58:00", "2026-11-23T20:58:00Zx", "2026-11-23T24:00:00Z",
  ])
  func whatIsNoTime(text: String) { #expect(Timestamp(text) == nil) }

  @Test func theMediaTypeComesFromTheBytesWhereTheAnswerIsOfNoUse() throws {
    let image = try TestImage(layers: [[1]])
    for type in [
      nil, MediaType("application/json"), MediaType("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
    ] {
      #expect(try Manifest(bytes: image.manifest, mediaType: type).mediaType == .ociManifest)
    }
  }

  @Test func schemaOneAndRubbishAreRefused() {
    for text in [
      #"{"schemaVersion": 1, "fsLayers": []}"#, "", "[]", #"{"schemaVersion": 2}"#,
      #"{"schemaVersion": 2, "manifests": [{"digest": "md5:1", "size": 1}]}"#,
    ] {
      let error = #expect(throws: RegistryError.self) { _ = try Manifest(bytes: Array(text.utf8), mediaType: nil) }
      #expect(error?.code == .protocolViolation)
    }
  }

  @Test func attestationsAndUnknownPlatforms() throws {
    let digest = Digest.sha256(of: "x")
    let index = """
      {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "\(digest)", "size": 9,
         "platform": {"os": "linux", "architecture": "arm", "variant": "v7"}},
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "\(digest)", "size": 9,
         "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
         "platform": {"os": "unknown", "architecture": "unknown"}}]}
      """
    let manifest = try Manifest(bytes: Array(index.utf8), mediaType: nil)
    guard case .index(let content) = manifest.content else {
      Issue.record("expected an index")
      return
    }
    #expect(content.manifests.map(\.platform?.description) == ["linux/arm/v7", nil])
    #expect(content.manifests.map(\.isAttestation) == [false, true])
  }

  @Test func aConfigurationWithNulls() throws {
    let config = try ImageConfig(
      bytes: Array(
        #"{"architecture": "arm64", "os": "linux", "config": {"Labels": null}, "history": null, "rootfs": null, "created": ""}"#
          .utf8))
    #expect(config.labels.isEmpty && config.history.isEmpty && config.diffIDs.isEmpty && config.created == nil)
    #expect(config.platform == Platform(architecture: "arm64"))
  }
}
