// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Registry

/// Bearer authentication as servers of several makes do it.
@Suite struct TokenTests {
  let repository: RepositoryName

  init() throws { repository = try RepositoryName("harkon/base-ml") }

  private static let user = FixedCredentials(Credentials(username: "harkon", secret: "s3cret-word"))
  private static let basic = "Basic aGFya29uOnMzY3JldC13b3Jk"

  /// A registry and its token server in one; every token is `t` and the number of the request that it answers.
  private static func script(
    challenge: String, answer: @escaping @Sendable (Int) -> ScriptedServer.Answer,
    accepts: @escaping @Sendable (String) -> Bool = { $0.hasPrefix("Bearer t") }
  ) -> @Sendable (ScriptedServer.Request, Int) -> ScriptedServer.Answer {
    { request, before in
      if request.path == "/token" { return answer(before) }
      if let header = request.authorization, accepts(header) { return .reply(200, [:], #"{"tags": ["a"]}"#) }
      return .reply(401, ["WWW-Authenticate": challenge])
    }
  }

  @Test func aTokenIsFetchedOnceAndUsedAgain() async throws {
    let script = Self.script(
      challenge: #"Bearer realm="/token",service="container_registry",scope="*""#,
      answer: { .reply(200, [:], #"{"token": "t\#($0)", "expires_in": 300}"#) })
    try await ScriptedServer.with(script) { server in
      let client = try server.client(Self.user)
      for _ in 0..<3 { #expect(try await client.tags(repository).count == 1) }
      let token = server.requests.filter { $0.path == "/token" }
      #expect(token.map(\.target) == ["/token?service=container_registry&scope=repository:harkon/base-ml:pull"])
      #expect(token.map(\.authorization) == [Self.basic])
      #expect(server.requests.count == 5)
      #expect(
        server.requests.filter { $0.path != "/token" }.compactMap(\.authorization) == [
          "Bearer t1", "Bearer t1", "Bearer t1",
        ])
    }
  }

  @Test func accessTokenWithoutServiceOrLifetime() async throws {
    let script = Self.script(
      challenge: #"Basic realm="x", Bearer realm="/token?a=b""#,
      answer: { .reply(200, [:], #"{"access_token": "t\#($0)"}"#) })
    try await ScriptedServer.with(script) { server in
      let client = try server.client(Self.user)
      #expect(try await client.tags(repository).count == 1)
      #expect(server.requests[1].target == "/token?a=b&scope=repository:harkon/base-ml:pull")
    }
  }

  @Test func aTokenThatIsRefusedIsReplacedOnce() async throws {
    // The first token is good once: a registry that was restarted meanwhile, or whose clock is ahead.
    let used = ScriptedServer.Answer.reply(200, [:], #"{"tags": ["a"]}"#)
    try await ScriptedServer.with { request, before in
      if request.path == "/token" { return .reply(200, [:], #"{"token": "t\#(before)", "expires_in": 300}"#) }
      let isGood = request.authorization == "Bearer t1" && before == 2 || request.authorization == "Bearer t4"
      return isGood ? used : .reply(401, ["WWW-Authenticate": #"Bearer realm="/token""#])
    } test: { server in
      let client = try server.client(Self.user)
      for _ in 0..<2 { #expect(try await client.tags(repository).count == 1) }
      #expect(server.requests.filter { $0.path == "/token" }.count == 2)
    }
  }

  @Test func manyRequestsShareOneToken() async throws {
    let script = Self.script(
      challenge: #"Bearer realm="/token""#, answer: { .reply(200, [:], #"{"token": "t\#($0)", "expires_in": 300}"#) })
    try await ScriptedServer.with(script) { server in
      let client = try server.client(Self.user)
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<8 { group.addTask { try await client.tags(repository).count } }
        for try await count in group { #expect(count == 1) }
      }
      #expect(server.requests.filter { $0.path == "/token" }.count == 1)
    }
  }

  @Test func anIdentityTokenIsPosted() async throws {
    let script = Self.script(
      challenge: #"Bearer realm="/token",service="s""#, answer: { .reply(200, [:], #"{"access_token": "t\#($0)"}"#) })
    try await ScriptedServer.with(script) { server in
      let token = FixedCredentials(Credentials(username: "<token>", secret: "re&fresh"))
      let client = try server.client(token)
      #expect(try await client.tags(repository).count == 1)
      let request = server.requests[1]
      #expect(request.method == "POST" && request.authorization == nil)
      #expect(request.headers["content-type"] == "application/x-www-form-urlencoded")
      #expect(
        request.body == "service=s&grant_type=refresh_token&client_id=remote-build&refresh_token=re%26fresh"
          + "&scope=repository:harkon/base-ml:pull")
    }
  }

  @Test func aTokenServerThatRefusesIsUnauthorized() async throws {
    let script = Self.script(challenge: #"Bearer realm="/token""#, answer: { _ in .reply(401, [:], "s3cret-word?") })
    try await ScriptedServer.with(script) { server in
      let error = await #expect(throws: RegistryError.self) { _ = try await server.client(Self.user).tags(repository) }
      #expect(error?.code == .unauthorized)
      #expect(error?.description.contains("s3cret-word") == false)
      #expect(server.requests.allSatisfy { !$0.target.contains("s3cret") })
    }
  }

  @Test func anAnonymousTokenThatOpensNothingIsUnauthorized() async throws {
    let script = Self.script(
      challenge: #"Bearer realm="/token""#, answer: { .reply(200, [:], #"{"token": "t\#($0)"}"#) },
      accepts: { _ in false })
    try await ScriptedServer.with(script) { server in
      let error = await #expect(throws: RegistryError.self) {
        _ = try await server.client(AnonymousCredentials()).tags(repository)
      }
      #expect(error?.code == .unauthorized)
      #expect(server.requests.count == 3)
    }
  }

  @Test func tooLittleScopeIsForbidden() async throws {
    let script = Self.script(
      challenge: #"Bearer realm="/token",error="insufficient_scope""#,
      answer: { .reply(200, [:], #"{"token": "t\#($0)"}"#) }, accepts: { _ in false })
    try await ScriptedServer.with(script) { server in
      let error = await #expect(throws: RegistryError.self) { _ = try await server.client(Self.user).tags(repository) }
      #expect(error?.code == .forbidden)
      #expect(error?.message.contains("repository:harkon/base-ml:pull") == true)
    }
  }

  @Test func aRealmInPlainHTTPIsRefusedByATLSRegistry() throws {
    let registry = try RegistryAddress("registry.example").endpoint
    let challenge = Challenge(scheme: "bearer", parameters: ["realm": "http://registry.example/token"])
    #expect(throws: RegistryError.self) { _ = try TokenServer(challenge, from: registry) }
    #expect(throws: RegistryError.self) { _ = try TokenServer(Challenge(scheme: "bearer"), from: registry) }
  }
}
