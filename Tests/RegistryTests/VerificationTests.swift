// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Vocabulary

@testable import Registry

/// Against a real `docker-registry`, damaged by hand.
@Suite struct VerificationTests {
  let repository: RepositoryName
  let tag: ManifestReference

  init() throws {
    repository = try RepositoryName("harkon/base-ml")
    tag = try ManifestReference("v1.0.2")
  }

  private static let layers: [[UInt8]] = [Array("the first layer".utf8), Array(repeating: 7, count: 100_000)]

  private func pushed(_ registry: TestRegistry) async throws -> (RegistryClient, TestImage) {
    let client = try registry.client()
    let image = try TestImage(layers: Self.layers)
    try await image.push(to: client, repository, tag)
    return (client, image)
  }

  private func differences(
    _ client: RegistryClient, _ expectation: VerificationExpectation
  ) async throws -> [VerificationDifference] {
    do {
      _ = try await client.verify(repository: repository, reference: tag, expectation: expectation)
      return []
    } catch let failure as VerificationFailure { return failure.differences }
  }

  @Test func aWholeImageIsVerified() async throws {
    try await TestRegistry.with { registry in
      let (client, image) = try await pushed(registry)
      let expectation = VerificationExpectation(
        manifestDigest: image.digest, configDigest: image.configDigest, labels: TestImage.labels,
        platforms: [Platform(architecture: "amd64")])
      let verified = try await client.verify(repository: repository, reference: tag, expectation: expectation)
      #expect(verified.digest == image.digest)
      #expect(verified.mediaType == .ociManifest)
      #expect(verified.platforms == [Platform(architecture: "amd64")])
      #expect(verified.layers.map(\.digest) == Self.layers.map { Digest.sha256(of: $0) })
      #expect(verified.layers.map(\.size.bytes) == [15, 100_000])
      #expect(verified.totalSize == image.size)
      #expect(verified.labels == TestImage.labels)
      #expect(verified.configDigest == image.configDigest)
      #expect(verified.created?.description == "2026-11-23T19:58:00Z")
      #expect(verified.pinned.description == "127.0.0.1:\(registry.port)/harkon/base-ml@\(image.digest)")
      let byDigest = try await client.verify(
        repository: repository, reference: .digest(image.digest), expectation: expectation)
      #expect(byDigest.digest == image.digest)
    }
  }

  @Test func nothingUnderTheTag() async throws {
    try await TestRegistry.with { registry in
      let client = try registry.client()
      #expect(try await differences(client, .init()) == [.missing(tag)])
    }
  }

  @Test func aMissingLayerAndAMissingConfig() async throws {
    try await TestRegistry.with { registry in
      let (client, image) = try await pushed(registry)
      let layer = Digest.sha256(of: Self.layers[1])
      try registry.forget(layer.description, in: repository.description)
      #expect(try await differences(client, .init(manifestDigest: image.digest)) == [.missingLayer(layer)])
      try registry.forget(image.configDigest.description, in: repository.description)
      #expect(
        try await differences(client, .init(labels: ["x": "y"])) == [
          .missingConfig(image.configDigest), .missingLayer(layer),
        ])
    }
  }

  @Test func aTruncatedLayerAndADamagedConfig() async throws {
    try await TestRegistry.with { registry in
      let (client, image) = try await pushed(registry)
      let layer = Digest.sha256(of: Self.layers[1])
      try Data(repeating: 7, count: 99_999).write(to: URL(fileURLWithPath: registry.dataFile(layer.description)))
      #expect(
        try await differences(client, .init())
          == [.wrongSize(layer, expected: ByteCount(100_000), found: ByteCount(99_999))])
      var bytes = image.config
      bytes[bytes.count - 1] ^= 1
      try Data(bytes).write(to: URL(fileURLWithPath: registry.dataFile(image.configDigest.description)))
      let found = try await differences(client, .init())
      #expect(found.count == 2)
      guard case .damaged(image.configDigest, _) = found.first else {
        Issue.record("expected a damaged configuration, found \(found)")
        return
      }
    }
  }

  @Test func aManifestThatLiesAboutItsLayersSizes() async throws {
    try await TestRegistry.with { registry in
      let client = try registry.client()
      let image = try TestImage(layers: [Self.layers[0]], layerSizeLie: 1)
      try await image.push(to: client, repository, tag)
      let layer = Digest.sha256(of: Self.layers[0])
      #expect(
        try await differences(client, .init()) == [.wrongSize(layer, expected: ByteCount(16), found: ByteCount(15))])
    }
  }

  @Test func anotherManifestUnderTheTag() async throws {
    try await TestRegistry.with { registry in
      let (client, image) = try await pushed(registry)
      let other = try TestImage(layers: [Self.layers[0]])
      try await other.push(to: client, repository, tag)
      #expect(
        try await differences(client, .init(manifestDigest: image.digest, configDigest: image.configDigest)) == [
          .otherManifest(expected: image.digest, found: other.digest),
          .otherConfig(expected: image.configDigest, found: [other.configDigest]),
        ])
    }
  }

  @Test func labelsThatDiffer() async throws {
    try await TestRegistry.with { registry in
      let (client, _) = try await pushed(registry)
      let labels = ["dev.remote-build.key": "sha256:abd", "dev.remote-build.tree": "1"]
      #expect(
        try await differences(client, .init(labels: labels)) == [
          .label("dev.remote-build.key", expected: "sha256:abd", found: "sha256:abc", platform: nil),
          .label("dev.remote-build.tree", expected: "1", found: nil, platform: nil),
        ])
    }
  }

  @Test func attestationsMustBeThereButCarryNoLabels() async throws {
    try await TestRegistry.with { registry in
      let client = try registry.client()
      let image = try TestImage(layers: [Self.layers[0]])
      let attestation = try TestImage(layers: [Self.layers[1]], labels: [:])
      try await image.push(to: client, repository)
      try await attestation.push(to: client, repository)
      var child = TestImage.descriptor(MediaType.ociManifest.description, image.manifest)
      child["platform"] = ["os": "linux", "architecture": "amd64"]
      var statement = TestImage.descriptor(MediaType.ociManifest.description, attestation.manifest)
      statement["platform"] = ["os": "unknown", "architecture": "unknown"]
      statement["annotations"] = ["vnd.docker.reference.type": "attestation-manifest"]
      let index = try TestImage.json([
        "schemaVersion": 2, "mediaType": MediaType.ociIndex.description, "manifests": [child, statement],
      ])
      let digest = try await client.putManifest(repository, tag, bytes: index, mediaType: .ociIndex)
      let expectation = VerificationExpectation(manifestDigest: digest, labels: TestImage.labels)
      let verified = try await client.verify(repository: repository, reference: tag, expectation: expectation)
      #expect(verified.platforms == [Platform(architecture: "amd64")])
      #expect(verified.configDigest == image.configDigest)
      #expect(verified.layers.map(\.digest) == [Digest.sha256(of: Self.layers[0])])

      let layer = Digest.sha256(of: Self.layers[1])
      try registry.forget(layer.description, in: repository.description)
      try registry.forget(attestation.configDigest.description, in: repository.description)
      #expect(
        try await differences(client, expectation) == [.missingConfig(attestation.configDigest), .missingLayer(layer)])
    }
  }

  @Test(arguments: [false, true]) func anIndexOfTwoPlatforms(docker: Bool) async throws {
    try await TestRegistry.with { registry in
      let client = try registry.client()
      let amd = try TestImage(layers: Self.layers)
      let arm = try TestImage(layers: [Self.layers[0]], architecture: "arm64")
      var children: [[String: Any]] = []
      for (image, architecture) in [(amd, "amd64"), (arm, "arm64")] {
        try await image.push(to: client, repository)
        var child = TestImage.descriptor(MediaType.ociManifest.description, image.manifest)
        child["platform"] = ["os": "linux", "architecture": architecture]
        children.append(child)
      }
      let type = docker ? MediaType.dockerList : .ociIndex
      let index = try TestImage.json(["schemaVersion": 2, "mediaType": type.description, "manifests": children])
      let digest = try await client.putManifest(repository, tag, bytes: index, mediaType: type)
      let expectation = VerificationExpectation(
        manifestDigest: digest, configDigest: arm.configDigest, labels: TestImage.labels)
      let verified = try await client.verify(repository: repository, reference: tag, expectation: expectation)
      #expect(verified.mediaType == type)
      #expect(verified.platforms.map(\.description) == ["linux/amd64", "linux/arm64"])
      #expect(verified.layers.count == 2, "a layer that both have counts once")
      let shared = ByteCount(Self.layers[0].count)
      #expect(verified.totalSize.bytes == (amd.size + arm.size + ByteCount(index.count)).bytes - shared.bytes)

      // Another platform than those that are there, and a child that is deleted.
      #expect(
        try await differences(client, .init(platforms: [Platform(architecture: "riscv64")]))
          == [.missingPlatform(Platform(architecture: "riscv64"))])
      let link = "_manifests/revisions/sha256/\(arm.digest.hex)/link"
      try FileManager.default.removeItem(
        atPath: "\(registry.storage)/docker/registry/v2/repositories/\(repository)/\(link)")
      #expect(
        try await differences(client, .init()) == [.missingChild(arm.digest, Platform(architecture: "arm64"))])
    }
  }
}
