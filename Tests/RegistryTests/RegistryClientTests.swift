// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary

@testable import Registry

/// Against a real `docker-registry`.
@Suite struct RegistryClientTests {
  let repository: RepositoryName

  init() throws { repository = try RepositoryName("harkon/base-ml") }

  @Test func aWrongPasswordIsUnauthorizedAndStaysSecret() async throws {
    try await TestRegistry.with { registry in
      let client = try registry.client(password: "hunter2-wrong")
      let error = await #expect(throws: RegistryError.self) { try await client.check() }
      #expect(error?.code == .unauthorized)
      #expect(error?.description.contains("user harkon") == true)
      #expect("\(String(reflecting: error)) \(String(describing: error))".contains("hunter2") == false)
    }
  }

  @Test func noCredentialsAreUnauthorized() async throws {
    try await TestRegistry.with { registry in
      let client = try RegistryClient(
        address: registry.address(), caFile: registry.caFile, credentials: AnonymousCredentials())
      let error = await #expect(throws: RegistryError.self) { _ = try await client.tags(repository) }
      #expect(error?.code == .unauthorized)
      #expect(error?.hint == RegistryError.loginHint(try registry.address().description))
      #expect(error?.hint?.contains("docker login 127.0.0.1:") == true)
    }
  }

  @Test func anUnknownAuthorityIsATLSError() async throws {
    try await TestRegistry.with { registry in
      let client = try registry.client(trusting: false)
      let error = await #expect(throws: RegistryError.self) { try await client.check() }
      #expect(error?.code == .tls)
      #expect(error?.hint?.contains("ca-file") == true)
    }
  }

  @Test func aNameThatTheCertificateDoesNotHaveIsATLSError() async throws {
    try await TestRegistry.with { registry in
      let client = try RegistryClient(
        address: RegistryAddress("other.test"), caFile: registry.caFile, credentials: AnonymousCredentials(),
        route: .through(host: "127.0.0.1", port: registry.port))
      let error = await #expect(throws: RegistryError.self) { try await client.check() }
      #expect(error?.code == .tls)
    }
  }

  @Test func aCAFileThatIsNotThereIsNamed() async throws {
    try await TestRegistry.with { registry in
      let client = try RegistryClient(
        address: registry.address(), caFile: "/nonexistent/ca.crt", credentials: AnonymousCredentials())
      let error = await #expect(throws: RegistryError.self) { try await client.check() }
      #expect(error?.code == .tls)
      #expect(error?.hint?.contains("/nonexistent/ca.crt") == true)
    }
  }

  @Test func aDeadRegistryIsUnreachable() async throws {
    try await Loopback.withDeadPort { port in
      let client = try RegistryClient(
        address: RegistryAddress("127.0.0.1:\(port)"), credentials: AnonymousCredentials())
      let error = await #expect(throws: RegistryError.self) { try await client.check() }
      #expect(error?.code == .unreachable)
      #expect(error?.registry == "127.0.0.1:\(port)")
    }
  }

  @Test func aTunnelKeepsTheNameAndItsCertificate() async throws {
    try await TestRegistry.with { registry in
      let credentials = FixedCredentials(
        Credentials(username: TestRegistry.user, secret: TestRegistry.password))
      let port = registry.port
      for route: RegistryRoute in [
        .through(host: "127.0.0.1", port: port),
        .asking { host, asked in host == "registry.test" && asked == 443 ? ("127.0.0.1", port) : nil },
      ] {
        let client = try RegistryClient(
          address: RegistryAddress("registry.test"), caFile: registry.caFile, credentials: credentials, route: route)
        try await client.check()
        let image = try TestImage(layers: [[1, 2, 3]])
        try await image.push(to: client, repository, .tag(Tag("through")))
        #expect(try await client.tags(repository).map(\.description) == ["through"])
      }
    }
  }

  @Test func manifestsBlobsAndTags() async throws {
    try await TestRegistry.with { registry in
      let client = try registry.client()
      #expect(try await client.tags(repository) == [])
      #expect(try await client.manifest(repository, .tag(.latest)) == nil)
      let image = try TestImage(layers: [Array(repeating: 9, count: 300_000)])
      let layer = Digest.sha256(of: image.layers[0])
      #expect(try await client.blobSize(repository, layer) == nil)
      #expect(try await client.blob(repository, layer) == nil)
      #expect(try await client.readBlob(repository, layer) == nil)
      try await image.push(to: client, repository, .tag(Tag("v1.0.10")))

      let found = try #require(try await client.manifest(repository, .tag(Tag("v1.0.10"))))
      #expect(found.bytes == image.manifest)
      #expect(found.digest == image.digest && found.headerDigest == image.digest)
      #expect(found.mediaType == .ociManifest)
      #expect(try await client.blobSize(repository, layer) == ByteCount(300_000))
      #expect(try await client.blob(repository, image.configDigest) == image.config)
      #expect(try await client.readBlob(repository, layer) == ByteCount(300_000))
      let tooLarge = await #expect(throws: RegistryError.self) {
        _ = try await client.blob(repository, layer, limit: ByteCount(299_999))
      }
      #expect(tooLarge?.code == .tooLarge)

      // The same bytes under other tags keep their digest.
      for tag in ["stable", "v1.0.9", "Stable"] {
        let digest = try await client.putManifest(
          repository, .tag(Tag(tag)), bytes: found.bytes, mediaType: found.mediaType)
        #expect(digest == image.digest)
      }
      #expect(
        try await client.tags(repository).map(\.description) == ["Stable", "stable", "v1.0.10", "v1.0.9"])
    }
  }

  @Test func aManifestWhoseLayersAreNotThereIsRefused() async throws {
    try await TestRegistry.with { registry in
      let client = try registry.client()
      let image = try TestImage(layers: [[1]])
      let error = await #expect(throws: RegistryError.self) {
        _ = try await client.putManifest(
          repository, .tag(.latest), bytes: image.manifest, mediaType: image.mediaType)
      }
      #expect(error?.code == .refused)
      #expect(error?.message.contains("MANIFEST_BLOB_UNKNOWN") == true)
    }
  }

  @Test func whatSkopeoCopiesIsVerified() async throws {
    try await TestRegistry.with { registry in
      let client = try registry.client()
      let image = try TestImage(layers: [Array("a layer".utf8)])
      try await image.push(to: client, repository, .tag(Tag("v1")))
      try registry.directory.write("certs/ca.crt", try String(contentsOfFile: registry.caFile.string, encoding: .utf8))
      let place = "docker://127.0.0.1:\(registry.port)/harkon"
      let auth = try registry.directory.write(
        "auth.json", #"{"auths": {"127.0.0.1:\#(registry.port)": {"auth": "\#(TestRegistry.basic)"}}}"#)
      try await Program.run(
        "skopeo", "copy", "--authfile", auth, "--src-cert-dir", registry.directory.path + "/certs",
        "--dest-cert-dir", registry.directory.path + "/certs", "--format", "v2s2", place + "/base-ml:v1",
        place + "/copied:v2")
      let store = CredentialStore(environment: ["REGISTRY_AUTH_FILE": auth])
      let other = try RegistryClient(address: registry.address(), caFile: registry.caFile, credentials: store)
      let verified = try await other.verify(
        repository: RepositoryName("harkon/copied"), reference: .tag(Tag("v2")),
        expectation: .init(configDigest: image.configDigest, labels: TestImage.labels))
      #expect(verified.mediaType == .dockerManifest)
    }
  }
}
