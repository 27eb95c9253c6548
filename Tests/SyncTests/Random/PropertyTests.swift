// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Vocabulary

@testable import Sync

/// Random edits on both sides, round after round: after each push the trees are equal, and a second one costs nothing.
///
/// `SYNC_PROPERTY_SEED` repeats one seed, `SYNC_PROPERTY_ROUNDS` says for how long.
@Suite(.serialized) struct PropertyTests {
  private static let rounds = TestSetting.number("SYNC_PROPERTY_ROUNDS", 60)

  @Test(arguments: TestSetting.seeds("SYNC_PROPERTY_SEED", [1, 2, 3, 4]))
  func whateverIsEditedTheTreesBecomeEqual(seed: UInt64) async throws {
    let fixture = try Fixture()
    let comparison = try TreeComparison()
    var laptop = RandomEdits(seed, fixture.laptop)
    var host = HostEdits(seed ^ 0xffff, fixture.host)
    try laptop.edit(40)
    print("property test: SYNC_PROPERTY_SEED=\(seed), \(Self.rounds) rounds")
    for round in 0..<Self.rounds {
      if round > 0 {
        try laptop.edit(1 + laptop.generator.below(12))
        if host.generator.oneIn(2) {
          try host.edit(1 + host.generator.below(4), wanted: laptop.tree.places().map(\.path))
        }
      }
      let isRight = try await pushAndCompare(fixture, comparison, host, "seed \(seed), round \(round)")
      guard isRight else {
        print("seed \(seed), round \(round):\n\((laptop.log + host.log).joined(separator: "\n"))")
        return
      }
    }
  }

  private func pushAndCompare(
    _ fixture: Fixture, _ comparison: TreeComparison, _ host: HostEdits, _ place: String
  ) async throws -> Bool {
    var options = Fixture.options
    options.allowMassDelete = true
    do {
      let before = fixture.exists("") ? try fixture.listing(fixture.host) : [:]
      let refused = try await refusal { _ = try await fixture.push(options) }
      if let refused {
        guard refused.code == Refusal.inTheWay.rawValue else { throw refused.failure }
        // Refused is refused: nothing was touched.
        try #require(try fixture.listing(fixture.host) == before, "\(place)")
        options.adopt = true
        _ = try await fixture.push(options)
      }
      let differences = try await comparison.differences(fixture.laptop, fixture.host)
      try #require(differences == [], "\(place)")
      try #require(try host.lost() == [], "\(place)")
      let again = try await fixture.push(options)
      try #require(again.roundTrips == 1, "\(place)")
      try #require(again.contentBytes == .zero && again.changed == 0 && again.deleted == 0, "\(place)")
      return true
    } catch is ExpectationFailedError {
      return false
    } catch {
      Issue.record("\(place): \(error)")
      return false
    }
  }
}
