// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Vocabulary
import Wire

@testable import Sync

/// Kills the real agent at any of the calls by which it changes the disk, also while it goes on with what one before it
/// began.
///
/// `SYNC_KILLS` says how often, `SYNC_KILL_SEED` repeats a seed.
@Suite(.serialized) struct KillTests {
  private static let kills = TestSetting.number("SYNC_KILLS", 300)
  private static let seeds = TestSetting.seeds("SYNC_KILL_SEED", [1, 6])

  @Test(arguments: KillTests.seeds) func aKilledPushIsOldOrNew(seed: UInt64) async throws {
    let fixture = try Fixture()
    let hostile = try HostileSystem(in: fixture.top)
    let comparison = try TreeComparison()
    var edits = RandomEdits(seed, fixture.laptop)
    edits.bigFiles = 100
    var options = Fixture.options
    options.allowMassDelete = true
    try edits.edit(60)
    _ = try await fixture.push(options)
    var (killed, applying, before) = (0, 0, try PathStates(fixture.laptop))
    // How many calls an agent makes in all, and how many of them once its journal stands.
    var calls = [false: 150, true: 60]
    print("kill test: SYNC_KILL_SEED=\(seed), \(Self.kills / Self.seeds.count) kills")
    while killed < Self.kills / Self.seeds.count {
      try edits.edit(1 + edits.generator.below(15))
      let after = try PathStates(fixture.laptop)
      let scan = try await fixture.scan()
      var isThrough = false
      while !isThrough {
        let isCommitted = !fixture.exists(".remote-build/journal") && !edits.generator.oneIn(3)
        let call = 1 + edits.generator.below(calls[isCommitted] ?? 1)
        let agent = try AgentProcess(
          home: fixture.top, variables: hostile.variables(.kill, at: call, isCommitted: isCommitted))
        let outcome = try await fixture.push(options, to: agent, scan: scan)
        let place = "seed \(seed), kill \(killed), at call \(call)\n\(edits.log.joined(separator: "\n"))"
        if outcome.status == SIGKILL {
          killed += 1
          if fixture.exists(".remote-build/journal") { applying += 1 }
        } else {
          _ = try outcome.result.get()
          isThrough = true
          calls[isCommitted] = max(20, hostile.calls())
        }
        let torn = try PathStates(fixture.host).torn(from: before, to: after)
        try #require(torn == [], "\(place)")
        // As a rule the next agent is left alone; some are not.
        if !isThrough, !edits.generator.oneIn(4) {
          let next = try await fixture.push(options, to: try AgentProcess(home: fixture.top), scan: scan)
          _ = try next.result.get()
          isThrough = true
        }
        guard isThrough else { continue }
        let differences = try await comparison.differences(fixture.laptop, fixture.host)
        try #require(differences == [], "\(place)")
        try #require(try savedAside(fixture) == [], "\(place)")
        try #require(!fixture.exists(".remote-build/journal") && !fixture.exists(".remote-build/staging"), "\(place)")
      }
      before = after
    }
    print("kill test: \(killed) agents were killed, \(applying) of them while they moved things into place")
  }

  /// Nobody edited anything on the host, so nothing is to be kept of what stood there.
  private func savedAside(_ fixture: Fixture) throws -> [String] {
    guard fixture.exists(".remote-build/saved") else { return [] }
    return try RawTree(root: fixture.host + "/.remote-build/saved").places().map { TreePath.text($0.path) }
  }

  @Test func aJournalThatCannotBeFollowedLosesNothingOfTheHosts() async throws {
    let fixture = try Fixture()
    let hostile = try HostileSystem(in: fixture.top)
    for index in 0..<5 { try fixture.write("d/f\(index)", "\(index)") }
    _ = try await fixture.push()
    try fixture.write("d/own", "the host's own", in: fixture.host)
    try fixture.rename("d", "e")
    var call = 1
    while !fixture.exists(".remote-build/staging/m0") {
      let variables = hostile.variables(.kill, at: call, isCommitted: !fixture.exists(".remote-build/journal"))
      let agent = try AgentProcess(home: fixture.top, variables: variables)
      try #require(try await fixture.push(Fixture.options, to: agent).status == SIGKILL)
      call += 1
    }
    try fixture.write(".remote-build/journal/steps", "broken", in: fixture.host)
    let next = try await fixture.push(Fixture.options, to: try AgentProcess(home: fixture.top))
    _ = try next.result.get()
    let comparison = try TreeComparison()
    #expect(try await comparison.differences(fixture.laptop, fixture.host) == [])
    let saved = try RawTree(root: fixture.host + "/.remote-build/saved").places()
    #expect(saved.filter { $0.name == Array("own".utf8) }.count == 1)
  }
}
