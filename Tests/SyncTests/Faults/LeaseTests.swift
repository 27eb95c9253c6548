// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Vocabulary
import Wire

@testable import Sync

@Suite struct LeaseTests {
  private func pushed() async throws -> Fixture {
    let fixture = try Fixture()
    try fixture.write("a", "one")
    _ = try await fixture.push()
    return fixture
  }

  /// Begins a push by a real agent, which holds the lease then until it hears more or ends.
  private func hold(_ fixture: Fixture, as owner: String) async throws -> (AgentProcess, FrameConnection) {
    let agent = try AgentProcess(home: fixture.top)
    let connection = FrameConnection(agent.stream)
    _ = try await connection.receiveHello()
    let options = PushOptions(owner: owner, project: "demo")
    try await PushCall(workspace: fixture.host, options: options).begin(over: connection)
    while fixture.text(".remote-build/lease.owner")?.contains(owner) != true { await Task.yield() }
    return (agent, connection)
  }

  @Test func theSecondClientSeesTheHolder() async throws {
    let fixture = try await pushed()
    let (agent, connection) = try await hold(fixture, as: "grace@desk")
    let refused = try #require(try await refusal { _ = try await fixture.push() })
    #expect(refused.code == Refusal.leaseHeld.rawValue)
    #expect(refused.failure.details["owner"] == ["grace@desk"])
    #expect(refused.failure.message.contains("grace@desk"))
    // The holder goes on undisturbed.
    try await PushCall(workspace: fixture.host, options: Fixture.options).abandon(over: connection)
    await agent.end()
    _ = try await fixture.push()
  }

  @Test func aDeadHoldersLeaseIsFree() async throws {
    let fixture = try await pushed()
    let (agent, _) = try await hold(fixture, as: "grace@desk")
    await agent.kill()
    try fixture.write("a", "two")
    _ = try await fixture.push()
    #expect(fixture.text("a") == "two")
  }

  @Test func aHolderWhoseLineIsCutLetsGo() async throws {
    let fixture = try await pushed()
    let (agent, _) = try await hold(fixture, as: "grace@desk")
    await agent.end()
    _ = try await fixture.push()
  }

  @Test func whoeverWaitsComesNext() async throws {
    let fixture = try await pushed()
    let (agent, _) = try await hold(fixture, as: "grace@desk")
    try fixture.write("a", "two")
    var options = Fixture.options
    options.wait = true
    let waiting = options
    async let report = fixture.push(waiting, to: try AgentProcess(home: fixture.top))
    await agent.kill()
    _ = try await report.result.get()
    #expect(fixture.text("a") == "two")
  }

  @Test func whoeverWaitsWithASlotIsToldForWhom() async throws {
    let context = ImageContext(image: "svc", directory: "", dockerfile: "Dockerfile")
    let fixture = try Fixture()
    try fixture.write("Dockerfile", "FROM scratch\n")
    _ = try await fixture.push(contexts: [context])
    let scan = try await fixture.scan([context])
    let (agent, _) = try await hold(fixture, as: "grace@desk")
    let (told, teller) = AsyncStream.makeStream(of: LeaseHolder.self)
    async let prepared = fixture.withAgent {
      try await SlotClient.prepare(
        context, workspace: fixture.host, treeDigest: scan.treeDigest, contextDigest: scan.contextDigests["svc"]!,
        owner: "ada", over: $0
      ) { teller.yield($0) }
    }
    var holders = told.makeAsyncIterator()
    #expect(await holders.next()?.owner == "grace@desk")
    await agent.kill()
    let slot = try await prepared
    #expect(fixture.text("Dockerfile", in: slot.path) == "FROM scratch\n")
  }

  @Test func theNextPushMayBeginAsSoonAsOneIsDone() async throws {
    let fixture = try await pushed()
    for turn in 0..<100 {
      try fixture.write("a", "turn \(turn)")
      _ = try await fixture.push()
    }
    #expect(fixture.text("a") == "turn 99")
  }

  @Test func whoeverPushesFirstAtOnceAllComeToTheirEnd() async throws {
    let fixture = try Fixture()
    for index in 0..<50 { try fixture.write("f\(index)", "\(index)") }
    let scan = try await fixture.scan()
    var options = Fixture.options
    options.wait = true
    let waiting = options
    let outcomes = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<4 {
        group.addTask {
          "\(try await fixture.push(waiting, to: try AgentProcess(home: fixture.top), scan: scan).result)"
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(outcomes.filter { !$0.hasPrefix("success") } == [])
    try await fixture.expectEqualTrees()
  }
}
