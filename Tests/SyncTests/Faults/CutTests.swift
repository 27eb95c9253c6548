// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Vocabulary
import Wire

@testable import Sync

/// Pushes to the real agent over a line that is cut after any number of bytes.
///
/// `SYNC_CUTS` says how many, `SYNC_CUT_SEED` repeats a seed.
@Suite(.serialized) struct CutTests {
  private static let cuts = TestSetting.number("SYNC_CUTS", 200)

  @Test(arguments: TestSetting.seeds("SYNC_CUT_SEED", [1, 2])) func aCutPushIsOldOrNew(seed: UInt64) async throws {
    let fixture = try Fixture()
    let comparison = try TreeComparison()
    var edits = RandomEdits(seed, fixture.laptop)
    var options = Fixture.options
    options.allowMassDelete = true
    try edits.edit(60)
    _ = try await fixture.push(options)
    var (done, completed, before) = (0, 0, try PathStates(fixture.laptop))
    let most = Self.cuts / TestSetting.seeds("SYNC_CUT_SEED", [1, 2]).count
    print("cut test: SYNC_CUT_SEED=\(seed), \(most) cuts")
    while done < most {
      try edits.edit(1 + edits.generator.below(15))
      let after = try PathStates(fixture.laptop)
      let scan = try await fixture.scan()
      // Anywhere in what is sent, and about as often before the contents as in them.
      let size = try await estimate(fixture, scan, options)
      let isAnswer = edits.generator.oneIn(4)
      let offset = edits.generator.below(isAnswer ? 500 : edits.generator.oneIn(2) ? 1500 : size)
      let agent = try AgentProcess(home: fixture.top)
      let outcome = try await fixture.push(options, to: agent, scan: scan) {
        CountedStream($0, sent: isAnswer ? .max : offset, received: isAnswer ? offset : .max)
      }
      if outcome.report == nil { done += 1 } else { completed += 1 }
      let place = "seed \(seed), cut \(done), after \(offset) bytes \(isAnswer ? "received" : "sent")"
      try #require(outcome.code == nil, "\(place)")
      let torn = try PathStates(fixture.host).torn(from: before, to: after)
      try #require(torn == [], "\(place)\n\(edits.log.joined(separator: "\n"))")
      let next = try await fixture.push(options, to: try AgentProcess(home: fixture.top))
      _ = try next.result.get()
      let differences = try await comparison.differences(fixture.laptop, fixture.host)
      try #require(differences == [], "\(place)\n\(edits.log.joined(separator: "\n"))")
      try #require(!fixture.exists(".remote-build/journal") && !fixture.exists(".remote-build/staging"), "\(place)")
      before = after
    }
    print("cut test: \(done) pushes were cut, \(completed) came through")
  }

  /// About how many bytes a push sends.
  private func estimate(_ fixture: Fixture, _ scan: Scan, _ options: PushOptions) async throws -> Int {
    let call = PushCall(workspace: fixture.host, options: options, isDry: true)
    let push = WorkspacePush(scan: scan, host: "host-1", call: call, ancestors: fixture.ancestors)
    let plan = try await fixture.withAgent { try await push.rehearse(over: $0) }
    return 1000 + Int(plan.contentBytes.bytes) + 80 * (plan.puts.count + plan.deletes.count)
  }

  @Test func whatArrivedFitsAnotherEntryThatHoldsTheSame() async throws {
    let fixture = try Fixture()
    var generator = SeededGenerator(8)
    for index in 0..<40 { try fixture.write("f\(index)", generator.noise(100_000)) }
    let outcome = try await fixture.push(Fixture.options, to: try AgentProcess(home: fixture.top)) {
      CountedStream($0, sent: 2 << 20)
    }
    #expect(outcome.report == nil)
    for index in 0..<40 {
      chmod(fixture.laptop + "/f\(index)", 0o755)
      try fixture.rename("f\(index)", "g\(index)")
    }
    let next = try await fixture.push(Fixture.options, to: try AgentProcess(home: fixture.top))
    _ = try next.result.get()
    try await fixture.expectEqualTrees()
  }

  @Test(arguments: [5, 20, 45] as [Int]) func whatArrivedIsNotSentAgain(megabytes: Int) async throws {
    let fixture = try Fixture()
    var generator = SeededGenerator(7)
    for index in 0..<100 { try fixture.write("many/f\(index)", generator.noise(200_000)) }
    try fixture.write("a big one", generator.noise(24 << 20))
    try fixture.write("z/another", generator.noise(6 << 20))
    let total = 100 * 200_000 + (30 << 20)
    let cut = megabytes << 20
    let outcome = try await fixture.push(Fixture.options, to: try AgentProcess(home: fixture.top)) {
      CountedStream($0, sent: cut)
    }
    #expect(outcome.report == nil)
    let next = try await fixture.push(Fixture.options, to: try AgentProcess(home: fixture.top))
    let report = try next.result.get()
    let again = cut + Int(report.bytesSent.bytes) - total
    print("cut after \(megabytes) MiB: \(again) bytes were sent twice")
    #expect(again < PushKind.window + PushKind.initialCredit)
    try await fixture.expectEqualTrees()
  }
}
