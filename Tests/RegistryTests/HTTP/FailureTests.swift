// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Registry

@Suite struct FailureTests {
  let repository: RepositoryName
  let digest = Digest.sha256(of: "x")

  init() throws { repository = try RepositoryName("harkon/base-ml") }

  @Test func aBodyThatIsAlwaysCutIsALostConnection() async throws {
    try await ScriptedServer.with { _, _ in
      .truncated(announced: 1000, "half")
    } test: { server in
      let client = try server.client()
      let error = await #expect(throws: RegistryError.self) { _ = try await client.blob(repository, digest) }
      #expect(error?.code == .connectionLost)
      #expect(server.requests.count == 5, "a GET is sent again")
    }
  }

  @Test func aStreamedBlobThatIsCutIsNotReadTwice() async throws {
    try await ScriptedServer.with { _, _ in
      .truncated(announced: 1000, "half")
    } test: { server in
      let client = try server.client()
      let error = await #expect(throws: RegistryError.self) { _ = try await client.readBlob(repository, digest) }
      #expect(error?.code == .connectionLost)
      #expect(server.requests.count == 1)
    }
  }

  @Test func otherBytesUnderADigestAreRefused() async throws {
    try await ScriptedServer.with { _, _ in
      .reply(200, [:], "y")
    } test: { server in
      for read in [0, 1] {
        let error = await #expect(throws: RegistryError.self) {
          if read == 0 {
            _ = try await server.client().blob(repository, digest)
          } else {
            _ = try await server.client().readBlob(repository, digest)
          }
        }
        #expect(error?.code == .protocolViolation)
      }
    }
  }

  @Test(arguments: [500, 503, 429]) func whatPassesIsTriedAgain(status: Int) async throws {
    try await ScriptedServer.with { _, before in
      before < 2 ? .reply(status) : .reply(200, [:], "x")
    } test: { server in
      let client = try server.client()
      #expect(try await client.blob(repository, digest) == Array("x".utf8))
      #expect(server.requests.count == 3)
    }
  }

  @Test func aConnectionThatBreaksIsTriedAgain() async throws {
    try await ScriptedServer.with { _, before in
      before < 2 ? .hangUp : .reply(200, [:], "x")
    } test: { server in
      let client = try server.client()
      #expect(try await client.blob(repository, digest) == Array("x".utf8))
    }
  }

  @Test func aRetryBeyondTheDeadlineIsNotWaitedFor() async throws {
    try await ScriptedServer.with { _, _ in
      .reply(503, ["Retry-After": "3600"])
    } test: { server in
      let error = await #expect(throws: RegistryError.self) { try await server.client().check() }
      #expect(error?.code == .server)
      #expect(error?.status == 503)
      #expect(server.requests.count == 1)
    }
  }

  /// A date is understood as well as a number.
  @Test func aRetryAtALaterDateIsNotWaitedFor() async throws {
    try await ScriptedServer.with { _, _ in
      .reply(429, ["Retry-After": "Fri, 31 Dec 2999 23:59:59 GMT"])
    } test: { server in
      let error = await #expect(throws: RegistryError.self) { try await server.client().check() }
      #expect(error?.status == 429)
      #expect(server.requests.count == 1)
    }
  }

  @Test(arguments: [
    "", "soon", "Fri, 31 Foo 2999 23:59:59 GMT", "Fri, 31 Dec 2999 23:59:59", "Fri, 99 Dec 2999 1:2:3 GMT",
  ])
  func whatIsNeitherDateNorNumber(_ text: String) { #expect(HTTPTransport.seconds(text) == nil) }

  @Test func silenceEndsWithTheDeadline() async throws {
    try await ScriptedServer.with { _, _ in
      .silence
    } test: { server in
      let error = await #expect(throws: RegistryError.self) {
        try await server.client(deadline: .milliseconds(200)).check()
      }
      #expect(error?.code == .timedOut)
    }
  }

  @Test func cancellingEndsAWaitingRequest() async throws {
    let (arrived, arrival) = AsyncStream<Void>.makeStream()
    try await ScriptedServer.with { _, _ in
      arrival.yield()
      return .silence
    } test: { server in
      let client = try server.client()
      let task = Task { try await client.check() }
      for await _ in arrived { break }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
    }
  }

  @Test func aManifestPutThatFailsAfterItsWorkIsDoneIsDone() async throws {
    let image = try TestImage(layers: [])
    let manifest = String(decoding: image.manifest, as: UTF8.self)
    try await ScriptedServer.with { request, _ in
      request.method == "PUT" ? .reply(500) : .reply(200, [:], manifest)
    } test: { server in
      let digest = try await server.client().putManifest(
        repository, .tag(.latest), bytes: image.manifest, mediaType: .ociManifest)
      #expect(digest == image.digest)
    }
  }

  @Test func aManifestPutThatIsLostIsFound() async throws {
    let image = try TestImage(layers: [])
    try await ScriptedServer.with { request, _ in
      request.method == "PUT" ? .reply(201) : .reply(404)
    } test: { server in
      let error = await #expect(throws: RegistryError.self) {
        _ = try await server.client().putManifest(
          repository, .tag(.latest), bytes: image.manifest, mediaType: .ociManifest)
      }
      #expect(error?.code == .protocolViolation)
      #expect(error?.message.contains("has nothing there now") == true)
    }
  }

  @Test func aHeaderThatLiesIsADifference() async throws {
    let image = try TestImage(layers: [])
    let (manifest, config) = (
      String(decoding: image.manifest, as: UTF8.self), String(decoding: image.config, as: UTF8.self)
    )
    let lie = Digest.sha256(of: "lie")
    try await ScriptedServer.with { request, _ in
      request.path.contains("/blobs/")
        ? .reply(200, [:], config) : .reply(200, ["Docker-Content-Digest": lie.description], manifest)
    } test: { server in
      let failure = await #expect(throws: VerificationFailure.self) {
        _ = try await server.client().verify(repository: repository, reference: .tag(.latest))
      }
      #expect(failure?.differences == [.falseHeader(said: lie, bytes: image.digest), .notByDigest(image.digest)])
    }
  }

  @Test func aChildWithOtherBytesIsDamaged() async throws {
    let child = try TestImage(layers: [])
    let (right, wrong) = (child.digest, Digest.sha256(of: child.manifest + [10]))
    let index = String(
      decoding: try TestImage.json([
        "schemaVersion": 2, "mediaType": MediaType.ociIndex.description,
        "manifests": [TestImage.descriptor(MediaType.ociManifest.description, child.manifest)],
      ]), as: UTF8.self)
    let bytes = String(decoding: child.manifest, as: UTF8.self) + "\n"
    try await ScriptedServer.with { request, _ in
      .reply(200, [:], request.path.hasSuffix(right.description) ? bytes : index)
    } test: { server in
      let client = try server.client()
      let failure = await #expect(throws: VerificationFailure.self) {
        _ = try await client.verify(repository: repository, reference: .tag(.latest))
      }
      #expect(failure?.differences == [.damaged(right, reason: "its bytes have the digest \(wrong)")])
    }
  }

  @Test func whatAServerSaysIsEscapedAndHoldsNoSecret() async throws {
    let words = #"{"errors":[{"code":"DENIED","message":"\u001b[2Jyour password s3cret-word"}]}"#
    try await ScriptedServer.with { request, _ in
      request.authorization == nil
        ? .reply(401, ["WWW-Authenticate": "Basic realm=x"]) : .reply(403, [:], words)
    } test: { server in
      let error = await #expect(throws: RegistryError.self) { try await server.client().check() }
      #expect(error?.code == .forbidden)
      #expect(error?.message.contains("DENIED \\u{1b}[2Jyour password …") == true)
    }
  }
}
