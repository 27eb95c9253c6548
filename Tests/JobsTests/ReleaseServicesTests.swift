// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing
import Wire

@testable import Jobs

@Suite struct ReleaseServicesTests {
  private let name = "registry.example.com/shop/app:stable"

  @Test func aLeaseIsHeldByOneAndItsHolderIsTold() async throws {
    try await TestHost.with { host in
      try await host.withAgent { first in
        try await ReleaseClient(first.connection).take([name, "other"], owner: "ada@one")
        try await host.withAgent { second in
          let refused = await #expect(throws: ServiceFailure.self) {
            try await ReleaseClient(second.connection).take(["free", name], owner: "ben@two")
          }
          #expect(refused?.code == ReleaseClient.leaseHeld)
          #expect(refused?.details["owner"] == ["ada@one"])
          #expect(refused?.details["name"] == [name])
          #expect(Double(refused?.details["since"]?.first ?? "") ?? 0 > 1e9)
          // All or none: what it had already is free again.
          try await ReleaseClient(first.connection).take(["free"], owner: "ada@one")
          try await ReleaseClient(first.connection).release([name])
          try await ReleaseClient(second.connection).take([name], owner: "ben@two")
        }
      }
    }
  }

  @Test func aDeadHoldersLeaseIsFree() async throws {
    try await TestHost.with { host in
      try await host.withAgent { try await ReleaseClient($0.connection).take([name], owner: "ada@one") }
      try await host.withAgent { try await ReleaseClient($0.connection).take([name], owner: "ben@two") }
    }
  }

  @Test(arguments: [[], [""], ["a\u{1b}[2J"], [String(repeating: "x", count: 513)]])
  func whatCanBeNoName(_ names: [String]) async throws {
    try await TestHost.with { host in
      try await host.withAgent { agent in
        let refused = await #expect(throws: ServiceFailure.self) {
          try await ReleaseClient(agent.connection).take(names, owner: "ada")
        }
        #expect(refused?.job == .invalidSpec)
      }
    }
  }

  @Test func theAuditLogKeepsWhatWasAppended() async throws {
    try await TestHost.with { host in
      try await host.withAgent { agent in
        let client = ReleaseClient(agent.connection)
        #expect(try await client.audit() == [])
        try await client.append(audit: [#"{"a":1}"#])
        try await client.append(audit: [#"{"a":2}"#, #"{"a":3}"#])
        #expect(try await client.audit() == [#"{"a":1}"#, #"{"a":2}"#, #"{"a":3}"#])
        for line in ["{\"a\":1}\n{\"b\":2}", "text", "{" + String(repeating: "x", count: 20_000) + "}"] {
          await #expect(throws: ServiceFailure.self) { try await client.append(audit: [line]) }
        }
      }
    }
  }

  @Test func aFullAuditLogIsSetAside() async throws {
    try await TestHost.with { host in
      var file = AuditFile(directory: host.directory.appending("audit"))
      file.limit = 100
      for number in 0..<30 { try file.append([#"{"number":\#(number)}"#]) }
      let lines = try file.read()
      #expect(lines.last == #"{"number":29}"#)
      // The last whole file and the one before it, and never the beginning of everything.
      #expect(lines.count >= 7 && lines.count < 30)
      #expect(try SmallFile.names(in: file.directory).sorted() == ["audit", "audit.1", "audit.lock"])
    }
  }

  @Test func whatTravelsIsBounded() async throws {
    try await TestHost.with { host in
      let file = AuditFile(directory: host.directory.appending("audit"))
      let line = "{" + String(repeating: "x", count: 10_000) + "}"
      for _ in 0..<20 { try file.append(Array(repeating: line, count: 10)) }
      #expect(try file.read().count == (1 << 20) / (line.utf8.count + 1))
    }
  }
}
