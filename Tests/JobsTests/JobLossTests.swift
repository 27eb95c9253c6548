// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing
import Vocabulary
import Wire

@testable import Jobs

#if canImport(Glibc)
  import Glibc
#endif

/// Jobs whose host was restarted, those that nobody can prove, and those that are in nobody's way.
@Suite struct JobLossTests {
  /// A restart cannot be had here: its traces are another boot's name beside a process id that may run again by now.
  @Test func aJobOfAnEarlierBootIsLostThoughItsNumberRuns() async throws {
    try await TestHost.with { host in
      let gate = try host.gate()
      try await host.withClient { try await $0.start(.shell("01A", "echo begun; \(gate.waiting)")) }
      try await host.waitForLine("begun", of: "01A")
      let job = try host.store.directory("01A")
      var status = try await host.status(of: "01A") { $0.steps[0].process != nil }
      let real = try #require(status.supervisor)
      #expect(real.isRunning)
      status.supervisor?.boot = "00000000-0000-0000-0000-000000000000"
      try job.write(status)
      try await host.withClient { client in
        #expect(try await client.status("01A").phase == .lost)
        #expect(try await client.list().map(\.phase) == [.lost])
        var log: [UInt8] = []
        let end = try await client.tail("01A") { log += $0 }
        #expect(end.phase == .lost && String(decoding: log, as: UTF8.self) == "begun\n")
      }
      // Nor does another process of that number count, in this boot.
      status.supervisor = ProcessIdentity(pid: real.pid, startTime: real.startTime - 1, boot: real.boot)
      try job.write(status)
      #expect(try host.store.status("01A").phase == .lost)
      // Nobody waits for it.
      try await host.withClient { try await $0.start(.shell("01B", "true", maxBuilds: 1)) }
      #expect(try await host.end(of: "01B").phase == .pushed)
      status.supervisor = real
      try job.write(status)
      try gate.open()
      #expect(try await host.end(of: "01A").phase == .pushed)
    }
  }

  @Test func aBuildEndsWithItsSupervisor() async throws {
    try await TestHost.with { host in
      try await host.withClient {
        try await $0.start(.shell("01A", "echo begun; while :; do echo on; sleep 0.05; done"))
      }
      try await host.waitForLine("begun", of: "01A")
      let running = try await host.status(of: "01A") { $0.steps[0].process != nil }
      let step = try #require(running.steps[0].process)
      kill(try #require(running.supervisor).pid, SIGKILL)
      try TestHost.expectEnd(of: step.pid)
      #expect(try await host.end(of: "01A").phase == .lost)
    }
  }

  @Test func aJobThatNobodyCanProveIsDismissed() async throws {
    try await TestHost.with { host in
      let gate = try host.gate()
      try await host.withClient { client in
        try await client.start(.shell("01A", "echo begun; \(gate.waiting)"))
        let early = await #expect(throws: ServiceFailure.self) { try await client.dismiss("01A") }
        #expect(early?.job == .jobRunning)
        try gate.open()
        #expect(try await client.tail("01A") { _ in }.needsProof)
        let dismissed = try await client.dismiss("01A")
        #expect(dismissed.phase == .dismissed && !dismissed.needsProof && dismissed.stateForPeople == "dismissed")
        #expect(try await client.dismiss("01A") == dismissed)
        // A proof that is given after all counts.
        #expect(try await client.mark("01A", verified: Digest.sha256(of: "x")).phase == .verified)
        let proven = await #expect(throws: ServiceFailure.self) { try await client.dismiss("01A") }
        #expect(proven?.job == .jobUnsuccessful)
        try await client.start(.shell("01B", "false"))
        _ = try await client.tail("01B") { _ in }
        let failed = await #expect(throws: ServiceFailure.self) { try await client.dismiss("01B") }
        #expect(failed?.job == .jobUnsuccessful)
      }
    }
  }

  @Test func aPullIsBesideTheQueue() async throws {
    try await TestHost.with { host in
      let (pulling, building) = (try host.gate(), try host.gate())
      var pull = JobSpec.shell("01A", "echo begun; \(pulling.waiting)", maxBuilds: 1)
      pull.isBesideQueue = true
      let first = pull
      try await host.withClient { client in
        try await client.start(first)
        try await client.start(.shell("01B", "echo begun; \(building.waiting)", maxBuilds: 1))
      }
      // A build does not wait for a pull, and another pull waits for neither.
      for id in ["01A", "01B"] { try await host.waitForLine("begun", of: id) }
      pull.id = "01C"
      pull.steps[0].argv = ["true"]
      let second = pull
      try await host.withClient { try await $0.start(second) }
      #expect(try await host.end(of: "01C").phase == .pushed)
      for gate in [pulling, building] { try gate.open() }
      for id in ["01A", "01B"] { #expect(try await host.end(of: id).phase == .pushed) }
    }
  }

  @Test func onesPlaceIsToldAsItChanges() async throws {
    try await TestHost.with { host in
      let gates = try (0..<2).map { _ in try host.gate() }
      // The first come has the later name: the host's clock decides, and not a laptop's.
      let ids = ["02A", "02B", "01C"]
      for (id, wait) in zip(ids, gates.map(\.waiting) + ["true"]) {
        try await host.withClient { try await $0.start(.shell(id, "echo begun; \(wait)", maxBuilds: 1)) }
      }
      try await host.waitForLine("begun", of: "02A")
      #expect(try await host.position(of: "01C") == 2)
      try await host.withClient { client in
        var places: [Int?] = []
        let status = try await client.tail(
          "01C",
          note: { note in
            places.append(note.position)
            if note.position == 2 { try gates[0].open() }
            if note.position == 1 { try gates[1].open() }
          }, each: { _ in })
        #expect(status.phase == .pushed)
        #expect(places.prefix(3) == [2, 1, nil])
      }
    }
  }
}
