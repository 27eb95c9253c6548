// SPDX-License-Identifier: Apache-2.0

import LabKit
import Testing
import Vocabulary

@testable import Registry

/// Against the lab's real `docker-registry` with token authentication and its token server.
@Suite struct BearerRegistryTests {
  @Test func pushVerifyAndRefusals() async throws {
    try await withLab(LabOptions(hosts: [], registries: .token)) { lab in
      let registry = try #require(lab.description.registries.first { $0.kind == .token })
      let certificate = try #require(registry.certificate)
      let user = try #require(registry.user)
      let password = try #require(registry.password)
      let address = try RegistryAddress(registry.address)
      func client(_ credentials: any CredentialSource) throws -> RegistryClient {
        try RegistryClient(
          address: address, caFile: certificate.path, credentials: credentials)
      }
      let repository = try RepositoryName("harkon/base-ml")
      let tag = try ManifestReference("v1.0.2")
      let good = try client(FixedCredentials(Credentials(username: user, secret: password)))
      try await good.check()
      let image = try TestImage(layers: [Array("one".utf8), Array("two".utf8)])
      try await image.push(to: good, repository, tag)
      let verified = try await good.verify(
        repository: repository, reference: tag,
        expectation: .init(manifestDigest: image.digest, configDigest: image.configDigest, labels: TestImage.labels))
      #expect(verified.layers.count == 2)
      #expect(try await good.tags(repository).map(\.description) == ["v1.0.2"])

      let wrong = try client(FixedCredentials(Credentials(username: user, secret: "wr0ng-word")))
      let refused = await #expect(throws: RegistryError.self) { _ = try await wrong.manifest(repository, tag) }
      #expect(refused?.code == .unauthorized)
      #expect(refused?.description.contains("wr0ng-word") == false)
      let nobody = try client(AnonymousCredentials())
      let unknown = await #expect(throws: RegistryError.self) { _ = try await nobody.manifest(repository, tag) }
      #expect(unknown?.code == .unauthorized)
    }
  }
}
