// SPDX-License-Identifier: Apache-2.0

import LabKit
import Testing
import Vocabulary

@testable import Registry

/// Against the lab's registry that says that it took a manifest, and drops it.
@Suite struct LyingRegistryTests {
  /// What would take thousands of questions to look at is refused after one or two.
  @Test(arguments: [true, false]) func aManifestOfThousandsIsNotLookedThrough(_ isIndex: Bool) async throws {
    let descriptors = (0..<3000).map {
      TestImage.descriptor(MediaType.ociManifest.description, Array("\($0)".utf8))
    }
    let config = Array(#"{"os": "linux", "architecture": "amd64"}"#.utf8)
    let manifest = try TestImage.json(
      isIndex
        ? ["schemaVersion": 2, "mediaType": MediaType.ociIndex.description, "manifests": descriptors]
        : [
          "schemaVersion": 2, "mediaType": MediaType.ociManifest.description, "layers": descriptors,
          "config": TestImage.descriptor("application/vnd.oci.image.config.v1+json", config),
        ])
    let text = String(decoding: manifest, as: UTF8.self)
    let (failure, requests) = try await ScriptedServer.with { request, _ in
      request.target.contains("/blobs/")
        ? .reply(200, [:], String(decoding: config, as: UTF8.self)) : .reply(200, [:], text)
    } test: { server in
      let client = try server.client()
      let repository = try RepositoryName("harkon/base-ml")
      let failure = await #expect(throws: VerificationFailure.self) {
        _ = try await client.verify(repository: repository, reference: ManifestReference("v1"))
      }
      return (failure, server.requests.count)
    }
    #expect(failure?.description.contains("3000") == true)
    #expect(requests < 10)
  }

  @Test func aDroppedManifestIsMissed() async throws {
    try await withLab(LabOptions(hosts: [], registries: .htpasswd)) { lab in
      let registry = try #require(lab.description.registry(.liar))
      let certificate = try #require(registry.certificate)
      let credentials = Credentials(
        username: try #require(registry.user), secret: try #require(registry.password))
      let client = try RegistryClient(
        address: RegistryAddress(registry.address), caFile: certificate.path,
        credentials: FixedCredentials(credentials))
      let repository = try RepositoryName("harkon/base-ml")
      let tag = try ManifestReference("v1.0.2")
      let image = try TestImage(layers: [Array("one".utf8)])
      let lost = await #expect(throws: RegistryError.self) { try await image.push(to: client, repository, tag) }
      #expect(lost?.code == .protocolViolation)
      #expect(lost?.message.contains("has nothing there now") == true)
      let failure = await #expect(throws: VerificationFailure.self) {
        _ = try await client.verify(
          repository: repository, reference: tag, expectation: .init(manifestDigest: image.digest))
      }
      #expect(failure?.differences == [.missing(tag)])

      try await lab.lie(false)
      try await image.push(to: client, repository, tag)
      let verified = try await client.verify(
        repository: repository, reference: tag, expectation: .init(manifestDigest: image.digest))
      #expect(verified.digest == image.digest)
    }
  }
}
