// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Registry

@Suite struct RedirectTests {
  let repository: RepositoryName
  let blob = "the blob"

  init() throws { repository = try RepositoryName("harkon/base-ml") }

  private static let wantsBasic = ScriptedServer.Answer.reply(401, ["WWW-Authenticate": #"Basic realm="x""#])

  @Test func anotherOriginGetsNoAuthorization() async throws {
    let blob = blob
    try await ScriptedServer.with { _, _ in
      .reply(200, [:], blob)
    } test: { storage in
      let target = storage.url + "/bucket/x?X-Signature=abc%2Fdef"
      try await ScriptedServer.with { request, _ in
        request.authorization == nil ? Self.wantsBasic : .reply(307, ["Location": target])
      } test: { server in
        let client = try server.client()
        #expect(try await client.blob(repository, Digest.sha256(of: blob)) == Array(blob.utf8))
        #expect(storage.requests.map(\.target) == ["/bucket/x?X-Signature=abc%2Fdef"])
        #expect(storage.requests.allSatisfy { $0.authorization == nil })
        #expect(server.requests.last?.authorization?.hasPrefix("Basic ") == true)
      }
    }
  }

  @Test func theSameOriginKeepsAuthorization() async throws {
    let blob = blob
    try await ScriptedServer.with { request, _ in
      if request.authorization == nil { return Self.wantsBasic }
      return request.path == "/moved/x" ? .reply(200, [:], blob) : .reply(302, ["Location": "/moved/x?y=z"])
    } test: { server in
      let client = try server.client()
      #expect(try await client.blob(repository, Digest.sha256(of: blob)) == Array(blob.utf8))
      #expect(server.requests.map(\.path).last == "/moved/x")
      #expect(server.requests.last?.authorization != nil)
    }
  }

  @Test(arguments: [307, 308]) func aBodyGoesAlong(status: Int) async throws {
    let image = try TestImage(layers: [])
    let manifest = String(decoding: image.manifest, as: UTF8.self)
    try await ScriptedServer.with { request, _ in
      switch (request.method, request.path) {
      case ("PUT", "/elsewhere"): .reply(201)
      case ("PUT", _): .reply(status, ["Location": "/elsewhere"])
      default: .reply(200, ["Content-Type": MediaType.ociManifest.description], manifest)
      }
    } test: { server in
      _ = try await server.client().putManifest(
        repository, .tag(.latest), bytes: image.manifest, mediaType: .ociManifest)
      #expect(server.requests.map(\.method) == ["PUT", "PUT", "GET"])
      #expect(server.requests[1].body == manifest)
      #expect(server.requests[1].headers["content-type"] == MediaType.ociManifest.description)
    }
  }

  @Test func noWayLeadsFromTLSToPlainHTTP() throws {
    let request = HTTPRequest(
      .get, try #require(HTTPLocation("https://a.test/x")),
      headers: [HTTPHeader(name: "authorization", value: "secret")])
    func answer(_ location: String) -> HTTPResponse {
      HTTPResponse(
        status: 307, headers: [HTTPHeader(name: "location", value: location)], body: [], location: request.location)
    }
    let failure = #expect(throws: TransportFailure.self) { _ = try request.redirected(by: answer("http://a.test/x")) }
    #expect(failure?.error.code == .protocolViolation)
    #expect(try request.redirected(by: answer("https://a.test:443/y"))?.headers.count == 1)
    #expect(try request.redirected(by: answer("https://a.test:444/y"))?.headers.count == 0)
    #expect(try request.redirected(by: answer("https://b.test/y"))?.headers.count == 0)
  }

  @Test func aSeeOtherIsAnsweredByAGet() throws {
    let request = HTTPRequest(
      .put, try #require(HTTPLocation("http://a.test/x")), headers: [HTTPHeader(name: "Content-Type", value: "a/b")],
      body: [1])
    let response = HTTPResponse(
      status: 303, headers: [HTTPHeader(name: "Location", value: "/y")], body: [], location: request.location)
    let next = try #require(try request.redirected(by: response))
    #expect(next.method == .get && next.body == nil && next.headers.isEmpty)
  }

  @Test func aCircleEnds() async throws {
    try await ScriptedServer.with { _, _ in
      .reply(302, ["Location": "/v2/"])
    } test: { server in
      let error = await #expect(throws: RegistryError.self) { try await server.client().check() }
      #expect(error?.code == .protocolViolation)
      #expect(server.requests.count == 6)
    }
  }

  @Test func aSignedAddressStaysOutOfErrors() async throws {
    try await ScriptedServer.with { _, _ in
      .reply(403, [:], "no")
    } test: { storage in
      let target = storage.url + "/x?X-Signature=abcdef"
      try await ScriptedServer.with { _, _ in
        .reply(307, ["Location": target])
      } test: { server in
        let error = await #expect(throws: RegistryError.self) {
          _ = try await server.client().blob(repository, Digest.sha256(of: blob))
        }
        #expect(error?.code == .forbidden)
        #expect(error?.registry == "127.0.0.1:\(storage.port)")
        #expect(error?.description.contains("abcdef") == false)
      }
    }
  }

  @Test func storageThatRefusesHEADIsAskedForOneByte() async throws {
    try await ScriptedServer.with { request, _ in
      request.method == "HEAD"
        ? .reply(403) : .reply(206, ["Content-Range": "bytes 0-0/123456"], "x")
    } test: { storage in
      let target = storage.url + "/x"
      try await ScriptedServer.with { _, _ in
        .reply(307, ["Location": target])
      } test: { server in
        let size = try await server.client().blobSize(repository, Digest.sha256(of: blob))
        #expect(size == ByteCount(123_456))
        #expect(storage.requests.last?.headers["range"] == "bytes=0-0")
      }
    }
  }

  @Test func relativeAddressesResolve() throws {
    let base = try #require(HTTPLocation("https://Registry.example:8443/v2/a/b?c=d"))
    let cases = [
      ("/x?y", "https://registry.example:8443/x?y"), ("?z", "https://registry.example:8443/v2/a/b?z"),
      ("e/f", "https://registry.example:8443/v2/a/e/f"), ("//other/x", "https://other/x"),
      ("https://other:443#f", "https://other/"), ("http://[::1]:80/a%2Fb", "http://[::1]/a%2Fb"),
    ]
    for (reference, expected) in cases { #expect(base.resolving(reference)?.text == expected) }
    for reference in ["", "ftp://x/", "https://user:pw@x/", "https://x/a b", "javascript:x", "https://x:0/"] {
      #expect(base.resolving(reference) == nil)
    }
  }
}
