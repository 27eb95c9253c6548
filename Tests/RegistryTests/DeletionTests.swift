// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Registry

/// Deleting takes more along than its name says; against a real `docker-registry`.
@Suite struct DeletionTests {
  let repository: RepositoryName

  init() throws { repository = try RepositoryName("harkon/base-ml") }

  private func tag(_ text: String) throws -> ManifestReference { .tag(try Tag(text)) }

  @Test func theTagsOnAManifestAreFoundAndKept() async throws {
    try await TestRegistry.with { registry in
      let client = try registry.client()
      let image = try TestImage(layers: [Array("one".utf8)])
      try await image.push(to: client, repository, tag("v1"))
      _ = try await client.putManifest(
        repository, tag("stable"), bytes: image.manifest, mediaType: image.mediaType)
      let closure = try await client.deletionClosure(of: image.digest, in: repository)
      #expect(closure.tags.map(\.description) == ["stable", "v1"] && closure.indexes.isEmpty)
      let refused = await #expect(throws: RegistryError.self) {
        try await client.deleteManifest(repository, image.digest, with: [Tag("v1")])
      }
      #expect(refused?.code == .refused)
      #expect(refused?.message.contains("stable") == true)
      #expect(try await client.manifestHead(repository, tag("v1")) != nil)
      try await client.deleteManifest(repository, image.digest, with: [Tag("v1"), Tag("stable")])
      #expect(try await client.manifestHead(repository, tag("v1")) == nil)
      // A second time it is gone already.
      try await client.deleteManifest(repository, image.digest, with: [])
    }
  }

  @Test func aPlatformsManifestIsKeptForItsIndex() async throws {
    try await TestRegistry.with { registry in
      let client = try registry.client()
      let image = try TestImage(layers: [Array("one".utf8)])
      try await image.push(to: client, repository)
      var child = TestImage.descriptor(image.mediaType.description, image.manifest)
      child["platform"] = ["os": "linux", "architecture": "amd64"]
      let index = try TestImage.json([
        "schemaVersion": 2, "mediaType": MediaType.ociIndex.description, "manifests": [child],
      ])
      _ = try await client.putManifest(repository, tag("v1"), bytes: index, mediaType: .ociIndex)
      let refused = await #expect(throws: RegistryError.self) {
        try await client.deleteManifest(repository, image.digest, with: [Tag("v1")])
      }
      #expect(refused?.code == .refused)
      #expect(try await client.manifestHead(repository, .digest(image.digest)) != nil)
    }
  }

  @Test func aTagGoesAloneOrStays() async throws {
    try await TestRegistry.with { registry in
      let client = try registry.client()
      let image = try TestImage(layers: [Array("one".utf8)])
      try await image.push(to: client, repository, tag("v1"))
      _ = try await client.putManifest(
        repository, tag("stable"), bytes: image.manifest, mediaType: image.mediaType)
      let isGone = try await client.deleteTag(repository, Tag("stable"))
      #expect(try await client.manifestHead(repository, tag("stable")) == nil || !isGone)
      #expect(try await client.manifestHead(repository, tag("v1"))?.digest == image.digest)
    }
  }

  @Test func aTagIsDeletedByARegistryThatCan() async throws {
    let (isGone, methods) = try await ScriptedServer.with { request, _ in
      request.method == "DELETE" ? .reply(202) : .reply(404)
    } test: { server in
      (try await server.client().deleteTag(repository, Tag("stable")), server.requests.map(\.method))
    }
    #expect(isGone)
    #expect(methods == ["DELETE", "HEAD"])
  }
}
