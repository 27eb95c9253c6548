// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary
import Wire

@testable import Sync

@Suite struct TidyTests {
  private let contexts = ["svc", "old"].map { ImageContext(image: $0, directory: "", dockerfile: "Dockerfile") }

  /// A copy with a slot of each of two images, and things that were kept aside long ago and just now.
  private func furnished() async throws -> Fixture {
    let fixture = try Fixture()
    try fixture.write("Dockerfile", "FROM scratch\n")
    _ = try await fixture.push(contexts: contexts)
    let scan = try await fixture.scan(contexts)
    for context in contexts {
      _ = try await fixture.withAgent {
        try await SlotClient.prepare(
          context, workspace: fixture.host, treeDigest: scan.treeDigest,
          contextDigest: scan.contextDigests[context.image]!, owner: "ada", over: $0)
      }
    }
    fixture.locks.releaseAll()
    try fixture.write(".remote-build/saved/20200131T130509Z/notes", "mine", in: fixture.host)
    try fixture.write(".remote-build/saved/\(Clock.name(Int64(time(nil))))/notes", "mine too", in: fixture.host)
    try fixture.write(".remote-build/saved/readme", "not by us", in: fixture.host)
    return fixture
  }

  private func tidy(
    _ fixture: Fixture, images: [String]? = ["svc"], days: Double = 14, isDry: Bool = false
  ) async throws -> TidiedWorkspace {
    defer { fixture.locks.releaseAll() }
    return try await fixture.withAgent {
      try await WorkspaceTidying.tidy(
        fixture.host, images: images, savedOlderThan: days * 86_400, owner: "ada@laptop", isDry: isDry, over: $0)
    }
  }

  @Test func slotsOfImagesThatAreGoneAndOldFilesGo() async throws {
    let fixture = try await furnished()
    let planned = try await tidy(fixture, isDry: true)
    #expect(planned.slots.map(\.name) == ["old"])
    #expect(planned.saved.map(\.name) == ["20200131T130509Z"])
    #expect(planned.slots[0].size > .zero && planned.saved[0].size > .zero)
    #expect(fixture.exists(".remote-build/slots/old"))
    let done = try await tidy(fixture)
    #expect(done == planned)
    #expect(!fixture.exists(".remote-build/slots/old"))
    #expect(fixture.exists(".remote-build/slots/svc/1/Dockerfile"))
    #expect(!fixture.exists(".remote-build/saved/20200131T130509Z"))
    #expect(fixture.text(".remote-build/saved/readme") == "not by us")
    #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.host + "/.remote-build/saved").count == 2)
    #expect(fixture.text("Dockerfile") == "FROM scratch\n")
    #expect(try await tidy(fixture) == TidiedWorkspace())
  }

  @Test func withoutAListOfImagesNoSlotGoes() async throws {
    let fixture = try await furnished()
    #expect(try await tidy(fixture, images: nil).slots.isEmpty)
    #expect(fixture.exists(".remote-build/slots/old"))
  }

  @Test(arguments: [true, false]) func aSlotThatABuildHoldsStays(isDry: Bool) async throws {
    let fixture = try await furnished()
    let lock = open(fixture.host + "/.remote-build/slots/old/1.lock", O_RDWR | O_CLOEXEC)
    #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
    let result = try await tidy(fixture, isDry: isDry)
    #expect(result.busy == ["old"] && result.slots.isEmpty)
    #expect(fixture.exists(".remote-build/slots/old/1/Dockerfile"))
    close(lock)
    #expect(try await tidy(fixture, isDry: isDry).slots.map(\.name) == ["old"])
  }

  @Test func itTakesTheLeaseAndKeepsItUntilItsConnectionEnds() async throws {
    let fixture = try await furnished()
    try await fixture.withAgent { agent in
      _ = try await WorkspaceTidying.tidy(
        fixture.host, images: [], savedOlderThan: 0, owner: "ada@laptop", isDry: false, over: agent)
      let refused = try #require(try await refusal { _ = try await fixture.push() })
      #expect(refused.code == Refusal.leaseHeld.rawValue)
      #expect(refused.failure.message.contains("ada@laptop"))
    }
    fixture.locks.releaseAll()
    _ = try await fixture.push(contexts: contexts)
  }

  @Test func whereSomeoneWorksNothingIsRemoved() async throws {
    let fixture = try await furnished()
    let agent = try AgentProcess(home: fixture.top)
    let connection = FrameConnection(agent.stream)
    _ = try await connection.receiveHello()
    try await PushCall(workspace: fixture.host, options: PushOptions(owner: "grace@desk", project: "demo"))
      .begin(over: connection)
    while fixture.text(".remote-build/lease.owner")?.contains("grace@desk") != true { await Task.yield() }
    let refused = try #require(try await refusal { _ = try await tidy(fixture) })
    #expect(refused.code == Refusal.leaseHeld.rawValue)
    #expect(fixture.exists(".remote-build/slots/old"))
    let facts = try await fixture.withAgent { try await WorkspaceTidying.look(at: fixture.host, over: $0) }
    #expect(facts.holder == "grace@desk" && facts.since != nil && facts.project == "demo")
    await agent.kill()
    // A dead holder's lease is free, whatever stands beside it.
    let after = try await fixture.withAgent { try await WorkspaceTidying.look(at: fixture.host, over: $0) }
    #expect(after.holder == nil && after.project == "demo")
  }

  @Test func whereNothingWasPushedThereIsNothingToTidy() async throws {
    let fixture = try Fixture()
    for place in ["/nowhere", "/host", "/laptop/file"] {
      if place == "/laptop/file" { try fixture.write("file", "x") }
      if place == "/host" {
        try FileManager.default.createDirectory(atPath: fixture.host, withIntermediateDirectories: true)
      }
      let found = try await fixture.withAgent { agent in
        (
          try await WorkspaceTidying.look(at: fixture.top + place, over: agent),
          try await WorkspaceTidying.tidy(
            fixture.top + place, images: [], savedOlderThan: 0, owner: "ada", isDry: false, over: agent)
        )
      }
      #expect(found.0 == WorkspaceFacts(project: nil, holder: nil, since: nil))
      #expect(found.1 == TidiedWorkspace())
    }
    #expect(!fixture.exists(".remote-build"))
  }

  /// Whoever may write to the workspace may put links where directories belong.
  @Test func linksAreNotFollowed() async throws {
    let fixture = try await furnished()
    try fixture.write("precious/20200101T000000Z/thesis", "mine", in: fixture.top)
    try fixture.remove(".remote-build/saved", in: fixture.host)
    symlink(fixture.top + "/precious", fixture.host + "/.remote-build/saved")
    symlink(fixture.top + "/precious", fixture.host + "/.remote-build/slots/linked")
    let result = try await tidy(fixture)
    #expect(result.saved.isEmpty)
    #expect(fixture.text("precious/20200101T000000Z/thesis", in: fixture.top) == "mine")
  }
}
