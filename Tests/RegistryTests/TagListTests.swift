// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Registry

/// What `docker-registry` 2.8 never does: pages, empty last pages, lists without an end.
@Suite struct TagListTests {
  let repository: RepositoryName

  init() throws { repository = try RepositoryName("harkon/base-ml") }

  private func tags(_ script: @escaping @Sendable (ScriptedServer.Request, Int) -> ScriptedServer.Answer) async throws
    -> (tags: [String], requests: Int)
  {
    try await ScriptedServer.with(script) { server in
      (try await server.client().tags(repository).map(\.description), server.requests.count)
    }
  }

  private static func page(_ tags: String, next: String? = nil) -> ScriptedServer.Answer {
    .reply(200, next.map { ["Link": $0] } ?? [:], #"{"name": "x", "tags": \#(tags)}"#)
  }

  @Test func pagesAreFollowedAndSorted() async throws {
    let found = try await tags { request, _ in
      request.target.contains("last=b")
        ? Self.page(#"["a", "c"]"#)
        : Self.page(#"["d", "b"]"#, next: #"</v2/harkon/base-ml/tags/list?n=2&last=b>; rel="next""#)
    }
    #expect(found == (["a", "b", "c", "d"], 2))
  }

  @Test func nullIsNoTags() async throws {
    #expect(try await tags { _, _ in Self.page("null") } == ([], 1))
  }

  @Test func anEmptyPageIsTheLast() async throws {
    let found = try await tags { _, before in
      Self.page(before == 0 ? #"["a"]"# : "[]", next: #"</v2/x?last=\#(before)>; rel="next""#)
    }
    #expect(found == (["a"], 2))
  }

  @Test func aLinkToItselfEnds() async throws {
    let found = try await tags { request, _ in
      Self.page(#"["a", "b"]"#, next: "<\(request.target)>; rel=next")
    }
    #expect(found == (["a", "b"], 1))
  }

  @Test func aCircleOfPagesEnds() async throws {
    let found = try await tags { _, before in
      Self.page(#"["a", "b"]"#, next: #"</v2/x?last=\#(before)>; rel="next""#)
    }
    #expect(found == (["a", "b"], 2))
  }

  @Test func aListWithoutAnEndIsAnError() async throws {
    try await ScriptedServer.with { _, before in
      Self.page(#"["t\#(before)"]"#, next: #"</v2/x?last=\#(before)>; rel="next""#)
    } test: { server in
      let error = await #expect(throws: RegistryError.self) { _ = try await server.client().tags(repository) }
      #expect(error?.code == .protocolViolation)
      #expect(server.requests.count == 1000)
    }
  }
}
