// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Delivery
@testable import Registry

/// Promotions and rollbacks against a real `docker-registry`.
@Suite struct RollbackTests {
  @Test func aChannelGoesBackStepByStepAndForwardAgain() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        var digests: [String: Digest] = [:]
        for tag in ["v1.0.1", "v1.0.2", "v1.0.3"] {
          digests[tag] = try await bench.push("app", tag).digest
          #expect(await bench.promote("app:\(tag)", laptop: "first").status == .success)
        }
        func expect(_ outcome: ReleaseBench.Outcome, _ tag: String, location: SourceLocation = #_sourceLocation)
          async throws
        {
          #expect(outcome.status == .success, "\(String(describing: outcome.failure))", sourceLocation: location)
          #expect(outcome.moved.map(\.to.tag) == [tag], sourceLocation: location)
          #expect(try await bench.digest("app", "stable") == digests[tag], sourceLocation: location)
        }
        #expect(try await bench.digest("app", "stable") == digests["v1.0.3"])
        try await expect(bench.rollback("app"), "v1.0.2")
        // Another laptop, which never saw the project, finds the same one.
        try await expect(bench.rollback("app", laptop: "two"), "v1.0.1")
        let further = await bench.rollback("app", laptop: "three")
        #expect(further.status == .releaseRefused)
        #expect(further.failure?.leftBehind == "nothing was moved")
        #expect(try await bench.digest("app", "stable") == digests["v1.0.1"])
        // Forward starts anew: before v1.0.3 now lies v1.0.1.
        try await expect(bench.promote("app:v1.0.3"), "v1.0.3")
        try await expect(bench.rollback("app"), "v1.0.1")
        try await expect(bench.promote("app:v1.0.2"), "v1.0.2")
        try await expect(bench.promote("app"), "v1.0.3")
        try await expect(bench.rollback("app", to: "v1.0.1"), "v1.0.1")
        #expect(try await bench.tags("app").filter { $0.hasPrefix("stable.") }.count == 10)
        #expect(try await bench.digest("app", "stable.10") == digests["v1.0.1"])
        let log = try await bench.log()
        #expect(log.map(\.result).filter { $0 == .done }.count == 6)
        #expect(log.allSatisfy { $0.who == "ada@one" && $0.channel == "stable" })
      }
    }
  }

  @Test func aPlanIsShownAndAskedFor() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        try await bench.threeReleases()
        let before = try await bench.tags("app")
        let third = try await bench.digest("app", "v1.0.3")
        func expectNothing(_ outcome: ReleaseBench.Outcome, _ status: Delivery.ExitStatus) async throws {
          #expect(outcome.status == status)
          #expect(outcome.planned.map(\.to.tag) == ["v1.0.2"] && outcome.planned.map(\.from?.tag) == ["v1.0.3"])
          #expect(outcome.moved.isEmpty)
          #expect(try await bench.digest("app", "stable") == third)
          #expect(try await bench.tags("app") == before)
        }
        try await expectNothing(bench.rollback("app", dry: true), .success)
        let unasked = await bench.rollback("app", yes: false)
        try await expectNothing(unasked, .usage)
        #expect(unasked.failure?.next.contains { $0.contains("--yes") } == true)
        try await expectNothing(bench.rollback("app", yes: false, answering: { "n" }), .interrupted)
        let agreed = await bench.rollback("app", yes: false, answering: { "y" })
        #expect(agreed.status == .success && agreed.moved.count == 1)
      }
    }
  }

  @Test func aBrokenReleaseIsNeverChosen() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        let first = try await bench.push("app", "v1.0.1")
        let second = try await bench.push("app", "v1.0.2")
        try await bench.push("app", "v1.0.3")
        for tag in ["v1.0.1", "v1.0.2", "v1.0.3"] {
          #expect(await bench.promote("app:\(tag)").status == .success)
        }
        try registry.forget(second.layerDigest.description, in: "\(bench.owner)/app")
        let rows = try await bench.releases("app")
        #expect(rows.map(\.tag) == ["v1.0.3", "v1.0.2", "v1.0.1"])
        #expect(rows.map(\.isWhole) == [true, false, true])
        #expect(rows[1].problems == ["the layer \(second.layerDigest) is missing"])

        let refused = await bench.rollback("app", to: "v1.0.2")
        #expect(refused.status == .releaseRefused && refused.moved.isEmpty)
        #expect(refused.failure?.details == rows[1].problems)
        #expect(await bench.promote("app:v1.0.2").status == .releaseRefused)
        #expect(try await bench.digest("app", "stable") == rows[0].digest)

        let passed = await bench.rollback("app")
        #expect(passed.status == .success)
        #expect(passed.planned.first?.skipped.map(\.tag) == ["v1.0.2"])
        #expect(try await bench.digest("app", "stable") == first.digest)

        #expect(await bench.promote("app:v1.0.3").status == .success)
        try registry.forget(first.layerDigest.description, in: "\(bench.owner)/app")
        let none = await bench.rollback("app")
        #expect(none.status == .releaseRefused)
        #expect(none.failure?.details.count == 1)
        #expect(try await bench.digest("app", "stable") == rows[0].digest)
      }
    }
  }

  @Test func severalImagesMoveTogetherOrNotAtAll() async throws {
    try await PlainRegistry.with { registry in
      try await FaultyFront.with(to: registry.port) { front in
        try await ReleaseBench.with(registry, port: front.port) { bench in
          try bench.project(["app", "svc"])
          for image in ["app", "svc"] { try await bench.threeReleases(image) }
          let (app, svc) = (try await bench.digest("app", "v1.0.3"), try await bench.digest("svc", "v1.0.3"))
          // One of two has nothing to go back to: neither moves.
          #expect(await bench.rollback("app", "svc", to: "v1.0.9").status == .releaseRefused)
          // The second's channel cannot be written: the first is put back.
          front.refuse { $0.method == "PUT" && $0.target.hasSuffix("/svc/manifests/stable") }
          let halved = await bench.rollback("app", "svc")
          front.refuse(nil)
          #expect(halved.status == .unavailable)
          #expect(halved.failure?.leftBehind == "every channel is where it was")
          #expect(halved.moved.map(\.direction) == [.undone])
          #expect(try await bench.digest("app", "stable") == app)
          #expect(try await bench.digest("svc", "stable") == svc)
          let both = await bench.rollback("app", "svc")
          #expect(both.status == .success, "\(String(describing: both.failure))")
          for image in ["app", "svc"] {
            #expect(try await bench.digest(image, "stable") == bench.digest(image, "v1.0.2"))
          }
        }
      }
    }
  }

  @Test func whatSomethingElsePushedCanBePromotedAndGoneBackTo() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        try await bench.push("app", "v1.0.1")
        let foreign = try await bench.push("app", "nightly", isOurs: false)
        // The channel was another tool's before it was ours, and its history begins with that.
        try await bench.retag("app", "nightly", as: "stable")
        let promoted = await bench.promote("app:v1.0.1")
        #expect(promoted.status == .success)
        #expect(promoted.planned.first?.isBuiltHere == true)
        let back = await bench.rollback("app")
        #expect(back.planned.first?.isBuiltHere == false)
        #expect(try await bench.digest("app", "stable") == foreign.digest)
        let rows = try await bench.releases("app")
        #expect(rows.first { $0.tag == "nightly" }?.isBuiltHere == false)
        #expect(rows.first { $0.tag == "nightly" }?.channels == ["stable"])
        #expect(rows.first { $0.tag == "v1.0.1" }?.history == ["stable.2"])
      }
    }
  }

  @Test func anIndexOfTwoPlatformsGoesBackWhole() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        var digests: [Digest] = []
        for version in ["v1.0.1", "v1.0.2"] {
          var children: [[String: Any]] = []
          for architecture in ["amd64", "arm64"] {
            let image = try SmallImage(
              content: "\(version) \(architecture)", labels: [:], architecture: architecture)
            try await image.push(to: bench.client(), bench.repository("app"), .digest(image.digest))
            var child = SmallImage.descriptor(MediaType.ociManifest.description, image.manifest)
            child["platform"] = ["os": "linux", "architecture": architecture]
            children.append(child)
          }
          let index = try SmallImage.json([
            "schemaVersion": 2, "mediaType": MediaType.ociIndex.description, "manifests": children,
          ])
          digests.append(
            try await bench.client().putManifest(
              bench.repository("app"), .tag(Tag(version)), bytes: index, mediaType: .ociIndex))
          #expect(await bench.promote("app:\(version)").status == .success)
        }
        let back = await bench.rollback("app")
        #expect(back.status == .success)
        let standing = try await bench.client().manifest(bench.repository("app"), .tag(Tag("stable")))
        #expect(standing?.digest == digests[0] && standing?.mediaType == .ociIndex)
        let rows = try await bench.releases("app")
        #expect(
          rows.map { $0.platforms.map(\.description) } == [
            ["linux/amd64", "linux/arm64"], ["linux/amd64", "linux/arm64"],
          ])
        #expect(rows.last?.channels == ["stable"])
      }
    }
  }

  @Test func servicesOnABadBaseAreNamedAndGoBackWithIt() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        try bench.project(["base", "mid", "svc", "other"])
        func on(_ base: SmallImage) -> [String: String] {
          ["org.opencontainers.image.base.digest": base.digest.description]
        }
        for number in 1...2 {
          let base = try await bench.push("base", "v1.0.\(number)")
          let mid = try await bench.push("mid", "v1.0.\(number)", labels: on(base))
          try await bench.push("svc", "v1.0.\(number)", labels: on(mid))
          try await bench.push("other", "v1.0.\(number)")
          for image in ["base", "mid", "svc", "other"] {
            #expect(await bench.promote("\(image):v1.0.\(number)").status == .success)
          }
        }
        let alone = await bench.rollback("base", dry: true)
        #expect(alone.planned.map(\.image) == ["base"])
        #expect(alone.planned.first?.dependents.map(\.image) == ["mid"])
        let all = await bench.rollback("base", dependents: true)
        #expect(all.status == .success, "\(String(describing: all.failure))")
        #expect(all.moved.map(\.image) == ["base", "mid", "svc"])
        for image in ["base", "mid", "svc"] {
          #expect(try await bench.digest(image, "stable") == bench.digest(image, "v1.0.1"))
        }
        #expect(try await bench.digest("other", "stable") == bench.digest("other", "v1.0.2"))
      }
    }
  }

  @Test func aServiceWithoutAReleaseOnTheOlderBaseStopsAll() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        try bench.project(["base", "svc"])
        try await bench.push("base", "v1.0.1")
        let base = try await bench.push("base", "v1.0.2")
        try await bench.push("svc", "v1.0.2", labels: ["org.opencontainers.image.base.digest": base.digest.description])
        for name in ["base:v1.0.1", "base:v1.0.2", "svc:v1.0.2"] {
          #expect(await bench.promote(name).status == .success)
        }
        let refused = await bench.rollback("base", dependents: true)
        #expect(refused.status == .releaseRefused && refused.moved.isEmpty)
        #expect(refused.failure?.what.contains("svc") == true)
        #expect(try await bench.digest("base", "stable") == base.digest)
      }
    }
  }

  @Test func aProofThatComesLateBringsNoOldReleaseBack() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        for number in 1...3 {
          try await bench.push("app", "v1.0.\(number)", created: "2026-11-2\(number)T12:00:00Z")
        }
        #expect(await bench.promoteBuilt("app", "v1.0.2", isLate: true).moved.count == 1)
        let late = await bench.promoteBuilt("app", "v1.0.1", isLate: true)
        #expect(late.status == .success && late.moved.isEmpty)
        #expect(late.warnings.contains { $0.contains("was made after app v1.0.1") }, "\(late.warnings)")
        #expect(try await bench.digest("app", "stable") == bench.digest("app", "v1.0.2"))
        #expect(await bench.promoteBuilt("app", "v1.0.3", isLate: true).moved.count == 1)
        // What was rolled back from stays away when it is built again and stands.
        #expect(await bench.rollback("app").status == .success)
        let again = await bench.promoteBuilt("app", "v1.0.3", isStanding: true)
        #expect(again.status == .success && again.moved.isEmpty)
        #expect(try await bench.digest("app", "stable") == bench.digest("app", "v1.0.2"))
      }
    }
  }

  @Test(arguments: ["v1.0.1", "stable.3", "Stable", "1"])
  func whatWouldOverwriteAVersionIsNoChannel(_ channel: String) async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        try await bench.push("app", "v1.0.1")
        #expect(await bench.promote("app:v1.0.1", channel: channel).status == .usage)
        #expect(try await bench.tags("app") == ["v1.0.1"])
      }
    }
  }

  @Test func whatStandsAlreadyIsPromotedWithoutAWord() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        try await bench.threeReleases()
        let again = await bench.promote("app:v1.0.3", yes: false)
        #expect(again.status == .success && again.moved.isEmpty)
        #expect(again.planned.map(\.direction) == [.noted])
        // A rollback that changes nothing does not succeed.
        #expect(await bench.rollback("app", to: "v1.0.3").status == .releaseRefused)
        #expect(await bench.promote("app:v9").status == .releaseRefused)
      }
    }
  }
}
