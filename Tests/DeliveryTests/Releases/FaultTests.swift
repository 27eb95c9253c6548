// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization
import Testing
import Vocabulary

@testable import Delivery
@testable import Registry

/// A registry that fails at each single request of a rollback in turn, and laptops that move one channel at once.
@Suite struct ReleaseFaultTests {
  /// After each failure the status is not 0, and a rerun ends on the release before: on no third one.
  @Test(arguments: FaultyFront.Fault.allCases)
  func aRollbackIsCutAtEachRequest(_ fault: FaultyFront.Fault) async throws {
    try await PlainRegistry.with { registry in
      try await FaultyFront.with(to: registry.port) { front in
        var count = 0
        var isThrough = false
        while !isThrough {
          isThrough = try await ReleaseBench.with(registry, port: front.port) { bench in
            try await bench.threeReleases()
            front.fail(fault, after: count)
            let cut = await bench.rollback("app")
            guard front.heal() else {
              #expect(cut.status == .success)
              return true
            }
            #expect(cut.status != .success, "request \(count)")
            let digest = try await bench.digest("app", "stable")
            let (old, new) = (try await bench.digest("app", "v1.0.3"), try await bench.digest("app", "v1.0.2"))
            #expect(digest == old || digest == new, "request \(count)")
            let again = await bench.rollback("app")
            #expect(again.status == .success, "request \(count): \(String(describing: again.failure))")
            #expect(try await bench.digest("app", "stable") == new, "request \(count)")
            // What follows is the same whatever was cut, so it is looked at now and then.
            guard count % 4 == 0 else { return false }
            let further = await bench.rollback("app")
            #expect(further.status == .success, "request \(count): \(String(describing: further.failure))")
            #expect(try await bench.digest("app", "stable") == bench.digest("app", "v1.0.1"), "request \(count)")
            return false
          }
          // Of refused writes, most places of the cut are before the same one.
          count += fault == .refusesWrites ? 4 : 1
          #expect(count < 200)
          guard count < 200 else { return }
        }
        // The plan, the proof, the move and its reading back: fewer would mean that nothing was cut.
        #expect(count > 15)
      }
    }
  }

  /// The same for two images: each rerun ends with both on the release before.
  @Test func aRollbackOfTwoIsCutAtEachRequest() async throws {
    try await PlainRegistry.with { registry in
      try await FaultyFront.with(to: registry.port) { front in
        var count = 0
        var isThrough = false
        while !isThrough {
          isThrough = try await ReleaseBench.with(registry, port: front.port) { bench in
            try bench.project(["app", "svc"])
            for image in ["app", "svc"] { try await bench.threeReleases(image) }
            front.fail(.swallowsAnswer, after: count)
            let cut = await bench.rollback("app", "svc")
            guard front.heal() else {
              #expect(cut.status == .success)
              return true
            }
            #expect(cut.status != .success, "request \(count)")
            let again = await bench.rollback("app", "svc")
            #expect(again.status == .success, "request \(count): \(String(describing: again.failure))")
            for image in ["app", "svc"] {
              let digest = try await bench.digest(image, "stable")
              #expect(try await digest == bench.digest(image, "v1.0.2"), "request \(count), \(image)")
            }
            return false
          }
          // Some of the requests: the ones between are of the same kinds.
          count += 5
          guard count < 300 else { return #expect(count < 300) }
        }
      }
    }
  }

  /// A promotion typed again after a cut ends where it should have, also where the channel is new.
  @Test(arguments: [true, false]) func aPromotionIsCutAtEachRequest(_ isNew: Bool) async throws {
    try await PlainRegistry.with { registry in
      try await FaultyFront.with(to: registry.port) { front in
        var count = 0
        var isThrough = false
        while !isThrough {
          isThrough = try await ReleaseBench.with(registry, port: front.port) { bench in
            if isNew { try await bench.push("app", "v1.0.2") } else { try await bench.threeReleases() }
            try await bench.push("app", "v1.0.4")
            front.fail(.swallowsAnswer, after: count)
            let cut = await bench.promote("app:v1.0.4")
            guard front.heal() else {
              #expect(cut.status == .success)
              return true
            }
            #expect(cut.status != .success, "request \(count)")
            let again = await bench.promote("app:v1.0.4")
            #expect(again.status == .success, "request \(count): \(String(describing: again.failure))")
            #expect(try await bench.digest("app", "stable") == bench.digest("app", "v1.0.4"), "request \(count)")
            let back = await bench.rollback("app")
            #expect(back.status == (isNew ? .releaseRefused : .success), "request \(count)")
            #expect(
              try await bench.digest("app", "stable") == bench.digest("app", isNew ? "v1.0.4" : "v1.0.3"),
              "request \(count)")
            return false
          }
          count += 2
          guard count < 200 else { return #expect(count < 200) }
        }
      }
    }
  }

  /// A rollback that was cut off on one laptop is completed by another, which says that it went no further.
  @Test func anotherLaptopCompletesWhatWasCutOff() async throws {
    try await PlainRegistry.with { registry in
      try await FaultyFront.with(to: registry.port) { front in
        try await ReleaseBench.with(registry, port: front.port) { bench in
          try await bench.threeReleases()
          front.intervene { request in
            if request.method == "PUT", request.target.hasSuffix("/manifests/stable") { front.fail(.hangsUp, after: 0) }
          }
          let cut = await bench.rollback("app")
          #expect(cut.status == .unavailable)
          #expect(cut.failure?.leftBehind?.contains("could not be asked") == true)
          front.intervene(nil)
          front.heal()
          let second = try await bench.digest("app", "v1.0.2")
          #expect(try await bench.digest("app", "stable") == second)
          let other = await bench.rollback("app", laptop: "two")
          #expect(other.status == .releaseRefused)
          #expect(try await bench.digest("app", "stable") == second)
          #expect(try await bench.digest("app", "stable.4") == second)
          #expect(await bench.rollback("app", laptop: "two").status == .success)
          #expect(try await bench.digest("app", "stable") == bench.digest("app", "v1.0.1"))
        }
      }
    }
  }

  /// With a host that gives leases: the second is told who is at it, and moves nothing.
  @Test func ofTwoAtOnceTheSecondIsToldWhoTheFirstIs() async throws {
    try await PlainRegistry.with { registry in
      try await FaultyFront.with(to: registry.port) { front in
        try await ReleaseBench.with(registry, port: front.port) { bench in
          let bench = try bench.withLeaseHost()
          try await bench.threeReleases()
          let (arrived, arrival) = AsyncStream<Void>.makeStream()
          let proceed = DispatchSemaphore(value: 0)
          front.intervene { request in
            guard request.method == "PUT", request.target.hasSuffix("/manifests/stable") else { return }
            arrival.finish()
            _ = proceed.wait(timeout: .now() + 120)
          }
          let first = Task {
            defer { arrival.finish() }
            return await bench.rollback("app")
          }
          for await _ in arrived {}
          let second = await bench.rollback("app", laptop: "two")
          front.intervene(nil)
          proceed.signal()
          #expect(second.status == .leaseHeld)
          #expect(second.failure?.host == "here")
          #expect(second.failure?.what.hasPrefix("ada@one moves 127.0.0.1:") == true)
          #expect(second.failure?.what.contains(":stable since 20") == true)
          #expect(second.planned.count == 1 && second.moved.isEmpty)
          let outcome = await first.value
          #expect(outcome.status == .success, "\(String(describing: outcome.failure))")
          #expect(outcome.warnings.isEmpty)
          #expect(try await bench.digest("app", "stable") == bench.digest("app", "v1.0.2"))
          // The lease is free again, and the host has its own line of what was done.
          let third = await bench.rollback("app", laptop: "two")
          #expect(third.status == .success, "\(String(describing: third.failure))")
          #expect(try await bench.log().filter { $0.result == .done }.map(\.who) == ["ada@one", "ada@two"])
        }
      }
    }
  }

  @Test func aHostThatIsDownIsSaidAndPassedOver() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        let bench = try bench.withLeaseHost()
        try bench.write("work/hosts/down.yaml", "address: nobody@127.0.0.1:1\nroles: [build]\n")
        try await bench.threeReleases()
        let outcome = await bench.rollback("app")
        #expect(outcome.status == .success, "\(String(describing: outcome.failure))")
        #expect(outcome.warnings.count == 1 && outcome.warnings[0].hasPrefix("no lease there: "), "\(outcome.warnings)")
      }
    }
  }

  @Test func aChannelThatMovedSinceThePlanIsLeftAlone() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        try await bench.threeReleases()
        let late = try await bench.push("app", "v1.0.4")
        let outcome = await bench.rollback(
          "app", yes: false,
          answering: {
            try? await bench.retag("app", "v1.0.4", as: "stable")
            return "y"
          })
        #expect(outcome.status == .releaseRefused && outcome.moved.isEmpty)
        #expect(outcome.failure?.details.contains { $0.contains(late.digest.description) } == true)
        #expect(try await bench.digest("app", "stable") == late.digest)
      }
    }
  }

  /// Without a lease: whoever says that he succeeded has the channel where he says.
  @Test func aRaceIsNeverTakenForASuccess() async throws {
    try await PlainRegistry.with { registry in
      try await FaultyFront.with(to: registry.port) { front in
        try await ReleaseBench.with(registry, port: front.port) { bench in
          try await bench.threeReleases()
          let late = try await bench.push("app", "v1.0.4")
          // Somebody else writes the channel right after each of our writes of it.
          let isWritten = Mutex(false)
          front.intervene { request in
            guard request.target.hasSuffix("/manifests/stable") else { return }
            if request.method == "PUT" {
              isWritten.withLock { $0 = true }
            } else if isWritten.withLock(\.self) {
              bench.retagNow("app", late, as: "stable")
            }
          }
          let raced = await bench.rollback("app")
          front.intervene(nil)
          #expect(raced.status == .releaseRefused)
          #expect(raced.warnings.contains { $0.contains("not excluded") })
          // What somebody else put there stays theirs.
          #expect(try await bench.digest("app", "stable") == late.digest)
        }
      }
    }
  }
}
