// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing
import Vocabulary
import Wire

@testable import Jobs

#if canImport(Glibc)
  import Glibc
#endif

/// A job's course on a real agent: its steps, its log, its status.
@Suite struct JobCourseTests {
  @Test func stepsRunInOrderAndTheirOutputsAreKept() async throws {
    try await TestHost.with { host in
      var spec = JobSpec.shell(
        "01A", "echo one; printf 'sha256:1\\n' > '{outputs}/iid'", "echo two >&2", outputs: ["iid"])
      spec.steps[0].argv[2] = "echo one; printf 'sha256:1\\n' > {outputs}/iid; echo $EXTRA; pwd; cat"
      spec.steps[0].environment = ["EXTRA": "more"]
      spec.steps[0].directory = "/tmp"
      let job = spec
      try await host.withClient { client in
        let started = try await client.start(job)
        #expect(started.owner == "tester@laptop")
        var log: [UInt8] = []
        let status = try await client.tail("01A") { log += $0 }
        #expect(String(decoding: log, as: UTF8.self) == "one\nmore\n/tmp\ntwo\n")
        #expect(status.phase == .pushed)
        #expect(status.needsProof)
        #expect(status.output("iid") == "sha256:1")
        #expect(status.steps.map(\.exitStatus) == [0, 0])
        #expect(status.plan == "{\"a\":1}")
        let digest = Digest.sha256(of: "x")
        let marked = try await client.mark("01A", verified: digest)
        #expect(marked.phase == .verified && marked.digest == digest)
        #expect(try await client.status("01A") == marked)
        #expect(try await client.list() == [marked])
        let again = await #expect(throws: ServiceFailure.self) { try await client.start(job) }
        #expect(again?.job == .jobExists)
      }
    }
  }

  @Test func aFailedStepEndsTheJobWithItsStatus() async throws {
    try await TestHost.with { host in
      try await host.withClient { client in
        try await client.start(.shell("01A", "echo no; exit 7", "echo never"))
        try await client.start(.shell("01B", "kill -9 $$"))
        var missing = JobSpec.shell("01C", "true")
        missing.steps[0].argv = ["there-is-no-such-program"]
        try await client.start(missing)
      }
      let failed = try await host.end(of: "01A")
      #expect(failed.phase == .failed && failed.exitStatus == 7 && failed.failedStep == "step1")
      #expect(failed.steps[1].started == nil)
      let killed = try await host.end(of: "01B")
      #expect(killed.phase == .failed && killed.signal == 9 && killed.exitStatus == nil)
      let missing = try await host.end(of: "01C")
      #expect(missing.phase == .failed)
      #expect(missing.message?.contains("there-is-no-such-program") == true)
      try await host.withClient { client in
        let refused = await #expect(throws: ServiceFailure.self) {
          try await client.mark("01A", verified: Digest.sha256(of: "x"))
        }
        #expect(refused?.job == .jobUnsuccessful)
      }
    }
  }

  @Test func aJobOutlivesItsAgent() async throws {
    try await TestHost.with { host in
      let gate = try host.gate()
      try await host.withAgent { agent in
        try await JobClient(agent.connection).start(.shell("01A", "echo begun; \(gate.waiting); echo done"))
        await agent.kill()
      }
      try await host.waitForLine("begun", of: "01A")
      let supervisor = try #require(try host.store.status("01A").supervisor)
      // A hangup ends no job either, and it leads a session of its own.
      kill(supervisor.pid, SIGHUP)
      #expect(getsid(supervisor.pid) == supervisor.pid)
      try gate.open()
      let status = try await host.end(of: "01A")
      #expect(status.phase == .pushed)
      #expect(try SmallFile.read(host.store.directory("01A").log.first, limit: 1000) == Array("begun\ndone\n".utf8))
    }
  }

  @Test func aSupervisorHasNoDescriptorsOfItsAgent() async throws {
    try await TestHost.with { host in
      let gate = try host.gate()
      let agents = try await host.withAgent { agent in
        try await JobClient(agent.connection).start(.shell("01A", "echo begun; \(gate.waiting)"))
        return Set(try TestHost.openFiles(of: agent.pid).filter { $0.hasPrefix("pipe:") })
      }
      #expect(agents.count >= 2)
      try await host.waitForLine("begun", of: "01A")
      let supervisor = try #require(try host.store.status("01A").supervisor)
      let step = try #require(try await host.status(of: "01A") { $0.steps[0].process != nil }.steps[0].process)
      for pid in [supervisor.pid, step.pid] {
        let open = try TestHost.openFiles(of: pid)
        #expect(agents.isDisjoint(with: open), "\(open)")
      }
      try gate.open()
      #expect(try await host.end(of: "01A").phase == .pushed)
    }
  }

  @Test func aTailGoesOnAtTheByteWhereItStopped() async throws {
    try await TestHost.with { host in
      let gate = try host.gate()
      try await host.withClient {
        try await $0.start(
          .shell("01A", "head -c 3000000 /dev/urandom; \(gate.waiting); head -c 2000000 /dev/urandom; echo end"))
      }
      struct Enough: Error {}
      var seen: [UInt8] = []
      var tails = 0
      // Broken off again and again in the middle, then taken up on a new connection.
      while seen.count < 3_000_000 {
        let before = seen.count
        await #expect(throws: Enough.self) {
          try await host.withClient { client in
            _ = try await client.tail("01A", from: UInt64(seen.count)) { bytes in
              // Only half of what came was kept: the rest has to come again.
              seen += seen.count + bytes.count >= 3_000_000 ? bytes[...] : bytes.prefix((bytes.count + 1) / 2)
              if seen.count - before >= 400_000 || seen.count >= 3_000_000 { throw Enough() }
              if bytes.count > 1 { throw Enough() }
            }
          }
        }
        tails += 1
      }
      #expect(tails > 1)
      try gate.open()
      let status = try await host.withClient { client in
        try await client.tail("01A", from: UInt64(seen.count)) { seen += $0 }
      }
      #expect(status.phase == .pushed)
      #expect(seen == (try host.log(of: "01A")))
      #expect(seen.count == 5_000_004)
    }
  }

  @Test func aLogCanBeReadWhileTheJobRuns() async throws {
    try await TestHost.with { host in
      let gate = try host.gate()
      try await host.withClient { try await $0.start(.shell("01A", "echo begun; \(gate.waiting)")) }
      try await host.waitForLine("begun", of: "01A")
      try await host.withClient { client in
        var log: [UInt8] = []
        let status = try await client.log("01A", from: 2) { log += $0 }
        #expect(String(decoding: log, as: UTF8.self) == "gun\n")
        #expect(status.phase == .running && status.step == "step1")
        // The connection serves on after a log and a tail.
        try gate.open()
        #expect(try await client.tail("01A") { _ in }.phase == .pushed)
        #expect(try await client.status("01A").phase == .pushed)
      }
    }
  }

  @Test(arguments: ["", "../x", "a/b", ".", "a b", String(repeating: "a", count: 65)])
  func whatIsNoIdentifierIsRefused(_ id: String) async throws {
    try await TestHost.with { host in
      try await host.withClient { client in
        let failure = await #expect(throws: ServiceFailure.self) { try await client.start(.shell(id, "true")) }
        #expect(failure?.job == .invalidSpec)
      }
    }
  }
}
