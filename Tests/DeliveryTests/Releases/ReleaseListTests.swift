// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Delivery
@testable import Registry

@Suite struct ReleaseListTests {
  /// A registry that lists ten thousand tags, and a history of as many, is asked for few of them.
  @Test func aLongListIsCutShort() async throws {
    try await PlainRegistry.with { registry in
      try await FaultyFront.with(to: registry.port) { front in
        try await ReleaseBench.with(registry, port: front.port) { bench in
          try await bench.threeReleases()
          let names =
            ["v1.0.1", "v1.0.2", "v1.0.3", "stable"] + (1...5000).flatMap { ["v0.0.\($0)", "stable.\($0)"] }
          let list = #"{"name": "x", "tags": ["\#(names.joined(separator: "\", \""))"]}"#
          front.lie { $0.target.contains("/tags/list") ? list : nil }
          let before = front.requests.count
          let rows = try await bench.releases("app", limit: 4)
          #expect(rows.map(\.tag) == ["v1.0.3", "v1.0.2", "v1.0.1", "v0.0.5000"])
          #expect(rows.map(\.isWhole) == [true, true, true, false])
          #expect(rows[3].problems == ["nothing stands at v0.0.5000"])
          #expect(front.requests.count - before < 200)
          let back = await bench.rollback("app", dry: true)
          #expect(front.requests.count - before < 500)
          #expect(back.status != .success || back.planned.count == 1)
        }
      }
    }
  }

  @Test func whatLostItsVersionIsListedByItsPlaceInTheHistory() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        try await bench.threeReleases()
        try await bench.push("app", "v1.0.2", labels: ["replaced": "yes"])
        let rows = try await bench.releases("app")
        #expect(rows.map(\.tag) == ["v1.0.3", "v1.0.2", "v1.0.1", "stable.2"])
        #expect(rows[0].channels == ["stable"] && rows[0].history == ["stable.3"])
        #expect(rows[1].history == [] && rows[3].history == ["stable.2"])
        // The channel goes back to what it was on, and not to what stands under that name now.
        let back = await bench.rollback("app")
        #expect(back.status == .success)
        #expect(back.moved.first?.to == .init(digest: try #require(rows[3].digest), tag: "stable.2"))
      }
    }
  }

  @Test func aChannelThatNobodyConfiguredIsKnownByItsHistory() {
    let tags = ReleaseTags(
      ["canary", "canary.1", "canary.2", "latest", "stable", "v1.0", "v1.0.1", "v1.0.2", "x.1"], channel: nil)
    #expect(tags.channels == ["canary"])
    #expect(tags.history == ["canary.1", "canary.2"])
    #expect(tags.releases == ["v1.0.2", "v1.0.1", "v1.0", "x.1", "stable", "latest"])
  }
}
