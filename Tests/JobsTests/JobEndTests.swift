// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing
import Wire

@testable import Jobs

#if canImport(Glibc)
  import Glibc
#endif

/// How jobs end before their time, who waits for whom, and what they hold meanwhile.
@Suite struct JobEndTests {
  @Test func cancellingEndsGrandchildrenInOtherSessionsToo() async throws {
    try await TestHost.with { host in
      let pidFile = host.directory.appending("grandchild")
      let inner = "trap '' TERM HUP; echo $$ > \(pidFile); echo begun; while :; do sleep 1000; done"
      try await host.withClient { client in
        try await client.start(
          .shell("01A", "setsid sh -c \"\(inner.replacing("$$", with: "\\$\\$"))\" & wait", "echo never"))
      }
      try await host.waitForLine("begun", of: "01A")
      let text = String(decoding: try SmallFile.read(pidFile, limit: 100), as: UTF8.self)
      let grandchild = try #require(Int32(text.dropLast()).flatMap(ProcessIdentity.init(running:)))
      // The log may have the step's first line before the status names its process.
      let begun = try await host.status(of: "01A") { $0.steps[0].process != nil }
      let step = try #require(begun.steps[0].process)
      let status = try await host.withClient { try await $0.cancel("01A") }
      #expect(status.phase == .cancelled)
      #expect(status.steps[1].started == nil)
      #expect(!grandchild.isRunning)
      #expect(!step.isRunning)
      // Once more changes nothing.
      #expect(try await host.withClient { try await $0.cancel("01A") } == status)
    }
  }

  @Test func aJobWhoseSupervisorWasKilledIsLost() async throws {
    try await TestHost.with { host in
      let gate = try host.gate()
      try await host.withClient { try await $0.start(.shell("01A", "echo begun; exec cat < \(gate.path)")) }
      try await host.waitForLine("begun", of: "01A")
      let running = try await host.status(of: "01A") { $0.steps[0].process != nil }
      let supervisor = try #require(running.supervisor)
      async let tailed = host.end(of: "01A")
      kill(supervisor.pid, SIGKILL)
      #expect(try await tailed.phase == .lost)
      #expect(try host.store.status("01A").phase == .lost)
      #expect(try await host.withClient { try await $0.cancel("01A") }.phase == .lost)
      let step = try #require(running.steps[0].process)
      try TestHost.expectEnd(of: step.pid)
    }
  }

  @Test func aJobHoldsTheLocksThatItWasGiven() async throws {
    try await TestHost.with { host in
      let gate = try host.gate()
      let path = host.directory.appending("slot.lock")
      let lock = try FileDescriptor.open(
        path, .readWrite, options: [.create, .closeOnExec], permissions: .ownerReadWrite)
      try #require(flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0)
      let locks = HeldLocks()
      locks.hold("/slot", lock)
      var table = ServiceTable()
      JobServices.add(
        to: &table, locks: locks, environment: HostEnvironment(variables: host.environment),
        executable: TestHost.agentPath)
      let services = table
      let (left, right) = try DescriptorStream.pair()
      let hello = Hello(version: "1", machine: "", home: "", clock: 0)
      async let served: Void = services.serve(FrameConnection(right), hello: hello)
      let connection = FrameConnection(left)
      _ = try await connection.receiveHello()
      let client = JobClient(connection)
      let refused = await #expect(throws: ServiceFailure.self) {
        try await client.start(.shell("01A", "true", holds: ["/slot", "/other"]))
      }
      #expect(refused?.job == .lockNotHeld)
      try await client.start(.shell("01A", "echo begun; \(gate.waiting)", holds: ["/slot"]))
      #expect(locks.take("/slot") == nil)
      let other = try FileDescriptor.open(path, .readWrite, options: [.closeOnExec])
      #expect(flock(other.rawValue, LOCK_EX | LOCK_NB) == -1)
      let supervisor = try #require(try await client.status("01A").supervisor)
      let watched: FileDescriptor? =
        if case .open(let descriptor) = ProcessDescriptor.open(supervisor) { descriptor } else { nil }
      try gate.open()
      #expect(try await client.tail("01A") { _ in }.phase == .pushed)
      // The lock goes with the supervisor, which ends right after it has said so.
      var polled = [pollfd(fd: try #require(watched).rawValue, events: Int16(POLLIN), revents: 0)]
      #expect(poll(&polled, 1, 30_000) == 1)
      #expect(flock(other.rawValue, LOCK_EX | LOCK_NB) == 0)
      try other.close()
      try watched?.close()
      await connection.close()
      try await served
    }
  }

  @Test(.enabled(if: geteuid() == 0, "only root may mount"))
  func aJobThatFillsTheDiskStillSaysHowItEnded() async throws {
    try await TestHost.with { host in
      let state = host.directory.appending("state")
      mkdir(state.string, 0o700)
      try #require(mount("tmpfs", state.string, "tmpfs", 0, "size=2m") == 0)
      defer { umount2(state.string, CInt(MNT_DETACH)) }
      try await host.withClient { try await $0.start(.shell("01A", "head -c 8000000 /dev/zero", "echo never")) }
      let status = try await host.end(of: "01A")
      #expect(status.phase == .failed && status.steps[1].started == nil)
      #expect(status.message?.contains("No space left on device") == true, "\(status.message ?? "")")
    }
  }

  @Test func theOldestEndedJobsMakeRoom() async throws {
    try await TestHost.with { host in
      let gate = try host.gate()
      try await host.withClient { client in
        try await client.start(.shell("01A", gate.waiting))
        for id in ["01B", "01C", "01D"] {
          try await client.start(.shell(id, "true"))
          _ = try await client.tail(id) { _ in }
        }
      }
      _ = try host.store.create(.shell("01E", "true"), keeping: 3)
      #expect(host.store.identifiers() == ["01A", "01C", "01D", "01E"])
      try gate.open()
      #expect(try await host.end(of: "01A").phase == .pushed)
    }
  }

  @Test func jobsQueueInTheirOrder() async throws {
    try await TestHost.with { host in
      let gates = try (0..<3).map { _ in try host.gate() }
      let order = host.directory.appending("order")
      let ids = ["01A", "01B", "01C"]
      for (id, gate) in zip(ids, gates) {
        try await host.withClient {
          try await $0.start(.shell(id, "echo begun; echo \(id) >> \(order); \(gate.waiting)", maxBuilds: 1))
        }
      }
      try await host.waitForLine("begun", of: "01A")
      #expect(try await host.position(of: "01B") == 1)
      #expect(try await host.position(of: "01C") == 2)
      #expect(try host.store.status("01C").stateForPeople == "queued (2 before it)")
      try gates[0].open()
      try await host.waitForLine("begun", of: "01B")
      #expect(try await host.position(of: "01C", not: 2) == 1)
      // One that waits can be cancelled, and one that was killed holds up nobody.
      let second = try #require(try host.store.status("01B").supervisor)
      kill(second.pid, SIGKILL)
      try await host.waitForLine("begun", of: "01C")
      try await host.withClient { try await $0.start(.shell("01D", "echo never", maxBuilds: 1)) }
      #expect(try await host.withClient { try await $0.cancel("01D") }.phase == .cancelled)
      try gates[2].open()
      #expect(try await host.end(of: "01C").phase == .pushed)
      #expect(try SmallFile.read(order, limit: 100) == Array("01A\n01B\n01C\n".utf8))
    }
  }
}

extension TestHost {
  /// The place in the queue once the job has one that is not `former`.
  func position(of id: String, not former: Int? = nil) async throws -> Int? {
    try await status(of: id) { $0.position != nil && $0.position != former }.position
  }

  /// The job's status once `holds` of it, or once the job is over.
  func status(of id: String, where holds: (JobStatus) -> Bool) async throws -> JobStatus {
    let watch = try JobWatch(store.directory(id))
    while true {
      let status = try store.status(id)
      if status.isOver || holds(status) { return status }
      _ = await watch.wait(status)
    }
  }
}
