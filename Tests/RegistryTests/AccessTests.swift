// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing

@testable import Registry

@Suite struct AccessTests {
  @Test func aRegistryTellsItsClockAndItsCertificatesEnd() async throws {
    try await TestRegistry.with { registry in
      let greeting = try await registry.client(password: "not-it").greet()
      #expect(abs(try #require(greeting.clock).timeIntervalSinceNow) < 600)
      // It was made for two days.
      let rest = try #require(greeting.certificateEnd).timeIntervalSinceNow
      #expect(rest > 86_400 && rest < 3 * 86_400)
    }
  }

  @Test func anUploadIsBegunAndNothingOfItStays() async throws {
    try await TestRegistry.with { registry in
      let repository = try RepositoryName("harkon/app")
      try await registry.client().checkPush(repository)
      let uploads = registry.storage + "/docker/registry/v2/repositories/harkon/app/_uploads"
      let left =
        FileManager.default.enumerator(atPath: uploads)?.compactMap { ($0 as? String).map { FilePath($0) } } ?? []
      // This registry keeps the state of an empty hash even of what was cancelled, until it purges its uploads.
      #expect(!left.isEmpty && !left.contains { ["data", "startedat"].contains($0.lastComponent?.string) }, "\(left)")
      let error = await #expect(throws: RegistryError.self) {
        try await registry.client(password: "wrong").checkPush(repository)
      }
      #expect(error?.code == .unauthorized)
    }
  }

  @Test func theUploadIsCancelledWhereTheRegistrySaysItIs() async throws {
    try await ScriptedServer.with { request, _ in
      request.method == "POST" ? .reply(202, ["Location": "/v2/a/b/blobs/uploads/xyz?_state=s"]) : .reply(204)
    } test: { server in
      try await server.client().checkPush(RepositoryName("a/b"))
      #expect(server.requests.map(\.method) == ["POST", "DELETE"])
      #expect(server.requests.last?.target == "/v2/a/b/blobs/uploads/xyz?_state=s")
    }
  }

  @Test func aRefusalOfTheCancellationIsNone() async throws {
    try await ScriptedServer.with { request, _ in
      request.method == "POST" ? .reply(202, ["Location": "/v2/a/b/blobs/uploads/xyz"]) : .reply(405)
    } test: { server in
      try await server.client().checkPush(RepositoryName("a/b"))
    }
  }

  @Test(arguments: [
    ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800),
    ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
  ])
  func timesOfHTTP(_ text: String, _ seconds: Int) {
    #expect(RegistryTime.header(text) == Date(timeIntervalSince1970: Double(seconds)))
  }

  @Test func timesOfCertificates() {
    #expect(RegistryTime.certificate("Nov  6 08:49:37 1994 GMT") == Date(timeIntervalSince1970: 784_111_777))
    #expect(RegistryTime.certificate("Dec 31 23:59:59 2036 GMT") == Date(timeIntervalSince1970: 2_114_380_799))
  }

  @Test(arguments: [
    "", "GMT", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Xyz 1994 08:49:37 GMT", "Sun, 99 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 99999999999999999999 08:49:37 GMT", "Sun, 06 Nov 1994 -1:49:37 GMT",
  ])
  func whatIsNoTimeIsNone(_ text: String) { #expect(RegistryTime.header(text) == nil) }
}
