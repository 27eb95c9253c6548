// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import Synchronization
import SystemPackage
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// A build whose connection breaks ends as if nothing had happened.
@Suite struct ConnectionTests {
  /// Cuts a proxy's connections twenty times while a build runs, at random bytes and instants, then lets the build end.
  /// The environment's `REMOTE_BUILD_TEST_SECONDS` says how long the cuts shall take at least; the build takes as long.
  private func cut(_ proxy: LabProxy, from seed: UInt64, _ gate: Gate, of program: Program) async throws {
    defer { gate.open() }
    let seconds = ProcessInfo.processInfo.environment["REMOTE_BUILD_TEST_SECONDS"].flatMap { Double($0) } ?? 0
    var random = SplitMix(state: seed)
    let start = ContinuousClock.now
    for number in 0..<20 {
      let before = try await proxy.traffic().connections
      if Bool.random(using: &random) {
        // Some of these fall into the handshake of the connection that is just being made.
        try await proxy.cut(after: Int.random(in: 0...12_000, using: &random), direction: .down)
      } else {
        try await proxy.cut()
      }
      // A cut is over when the next connection stands, which a cut of its own may meet.
      while try await proxy.traffic().connections == before {
        try program.expectRunning()
        try await Task.sleep(for: .milliseconds(5))
      }
      let due = start + .seconds(seconds * Double(number + 1) / 20 * Double.random(in: 0.9...1, using: &random))
      try await Task.sleep(until: due)
    }
  }

  private func seed() -> UInt64 {
    let seed =
      ProcessInfo.processInfo.environment["REMOTE_BUILD_TEST_SEED"].flatMap { UInt64($0) }
      ?? UInt64.random(in: 0 ... .max)
    print("seed of the cuts: \(seed)")
    return seed
  }

  @Test func aBuildUnderTwentyCutsEndsAsIfNothingHadHappened() async throws {
    let lab = try await TestLab.lab()
    let proxy = try await lab.proxy(toHost: "lab-1", name: "cut-\(UUID().uuidString.prefix(8).lowercased())")
    let host = try #require(lab.description.host("lab-1"))
    try await Workbench.with(lab) { bench in
      let gate = try Gate()
      try ChattyBuild.write(gate, in: bench)
      try bench.writeHost(host, behind: proxy)
      let start = ContinuousClock.now
      let program = Program()
      async let running = program.run { try await bench.tool("app", "--host", proxy.name, "--json") }
      try await gate.connected()
      try? await cut(proxy, from: seed(), gate, of: program)
      let run = try await running
      #expect(run.status == 0, "\(run.talk) \(run.out.suffix(4000))")
      let job = try #require(run.events("started").first?["job"] as? String)
      let log = try bench.hostLog(of: job, on: host)
      print(
        "a build of \(start.duration(to: .now)), \(run.events("reconnecting").count) attempts to reconnect, \(log.count) bytes of log"
      )
      #expect(try bench.ownLog(of: job) == log)
      #expect(run.events("started").count == 1)
      #expect(run.events("verified").count == 1)
      #expect(run.events("reconnecting").count >= 10)
      ChattyBuild.expectEachLineOnce(run)
      #expect(try await bench.job(on: "lab-1").state == "verified")
    }
  }

  @Test func aFailingBuildUnderCutsHasItsOwnStatusAndItsLastLines() async throws {
    let lab = try await TestLab.lab()
    let proxy = try await lab.proxy(toHost: "lab-1", name: "cut-\(UUID().uuidString.prefix(8).lowercased())")
    let host = try #require(lab.description.host("lab-1"))
    try await Workbench.with(lab) { bench in
      let gate = try Gate()
      try ChattyBuild.write(gate, end: "sys.exit(3)", in: bench)
      try bench.writeHost(host, behind: proxy)
      let program = Program()
      async let running = program.run { try await bench.tool("app", "--host", proxy.name, "--json") }
      try await gate.connected()
      try? await cut(proxy, from: seed(), gate, of: program)
      let run = try await running
      #expect(run.status == 1, "\(run.talk) \(run.out.suffix(4000))")
      let failure = try #require(run.events("failed").first)
      let details = try #require(failure["details"] as? [String])
      #expect(details.last == "the last line", "\(details)")
      #expect(details.count == 12)
      ChattyBuild.expectEachLineOnce(run)
      let job = try #require(run.events("started").first?["job"] as? String)
      #expect(try bench.ownLog(of: job) == (try bench.hostLog(of: job, on: host)))
    }
  }

  @Test func aJobIsTakenUpFromAnotherLaptop() async throws {
    let lab = try await TestLab.lab()
    let host = try #require(lab.description.host("lab-1"))
    try await Workbench.with(lab) { bench in
      let gate = try Gate()
      try ChattyBuild.write(gate, in: bench)
      try await bench.killTool("app", "--host", "lab-1", "--json", when: { try await gate.connected() })
      let job = try await bench.job(on: "lab-1")
      #expect(job.state == "running (build)")
      // Its state, its caches and its records are others; only the workspace's registry and the host file are the same.
      let other = [
        "XDG_STATE_HOME": bench.directory.appending("other/state").string,
        "XDG_CACHE_HOME": bench.directory.appending("other/cache").string,
      ]
      async let attached = bench.tool("attach", job.id, "--host", "lab-1", "--json", environment: other)
      async let followed = bench.tool("logs", job.id, "--follow", "--host", "lab-1", environment: other)
      gate.open()
      let (run, logs) = (try await attached, try await followed)
      #expect(run.status == 0, "\(run.talk) \(run.out.suffix(4000))")
      #expect(run.events("verified").count == 1)
      ChattyBuild.expectEachLineOnce(run)
      let log = try bench.hostLog(of: job.id, on: host)
      #expect(try bench.ownLog(of: job.id, state: "other/state") == log)
      #expect(logs.status == 0 && Data(logs.out.utf8) == log)
      #expect(try await bench.job(on: "lab-1").state == "verified")
    }
  }

  @Test func aServerThatIsRestartedOrFrozenIsWaitedFor() async throws {
    let lab = try await TestLab.lab()
    let name = "own-\(UUID().uuidString.prefix(8).lowercased())"
    let host = try await lab.addHost(.init(name))
    let first = try #require(host.firstProcess)
    try await Workbench.with(lab) { bench in
      let gate = try Gate()
      try ChattyBuild.write(gate, in: bench)
      try bench.writeHost(host)
      // The keep-alive time is two seconds.
      let config =
        "Host \(name)\n  ServerAliveInterval 1\n  ServerAliveCountMax 2\nInclude \(lab.description.ssh.config)\n"
      let program = Program()
      async let running = program.run {
        try await bench.tool(sshConfiguration: config, "app", "--host", name, "--json")
      }
      try await gate.connected()
      defer { gate.open() }
      let server = try #require(try children(of: first).first { try command(of: $0) == "sshd" })
      // The server begins anew, and who is logged in is thrown out.
      let sessions = try children(of: server)
      #expect(!sessions.isEmpty)
      kill(server, SIGHUP)
      for process in sessions + (try sessions.flatMap { try children(of: $0) }) { kill(process, SIGKILL) }
      let next = try await newSession(of: server, but: sessions, for: program)
      // A peer that says nothing more is given up after the keep-alive time, and another connection made.
      for process in [next] + (try children(of: next)) { kill(process, SIGSTOP) }
      let last = try await newSession(of: server, but: sessions + [next], for: program)
      for process in [next] + below(next) { kill(process, SIGCONT) }
      #expect(last != next)
      gate.open()
      let run = try await running
      #expect(run.status == 0, "\(run.talk) \(run.out.suffix(4000))")
      #expect(run.events("reconnecting").count >= 2)
      #expect(run.events("reconnecting").contains { ($0["reason"] as? String)?.contains("silent for 2") == true })
      ChattyBuild.expectEachLineOnce(run)
      let job = try #require(run.events("started").first?["job"] as? String)
      #expect(try bench.ownLog(of: job) == (try bench.hostLog(of: job, on: host)))
    }
  }

  @Test func aHostThatStaysAwayIsGivenUpWithAWordOnHowToGoOn() async throws {
    let lab = try await TestLab.lab()
    let proxy = try await lab.proxy(toHost: "lab-1", name: "gone-\(UUID().uuidString.prefix(8).lowercased())")
    let host = try #require(lab.description.host("lab-1"))
    try await Workbench.with(lab) { bench in
      let gate = try Gate()
      try ChattyBuild.write(gate, in: bench)
      try bench.writeHost(host, behind: proxy)
      async let running = bench.tool(
        "app", "--host", proxy.name, "--json", environment: ["REMOTE_BUILD_RECONNECT_SECONDS": "2"])
      try await gate.connected()
      try await proxy.refuse()
      let run = try await running
      #expect(run.status == 69, "\(run.talk) \(run.out.suffix(4000))")
      let job = try #require(run.events("started").first?["job"] as? String)
      let failure = try #require(run.events("failed").first)
      #expect((failure["leftBehind"] as? String)?.contains("job \(job) goes on there") == true)
      #expect(
        (failure["next"] as? [String])?.last?.hasPrefix("remote-build attach \(job) --host \(proxy.name)") == true)
      let attempts = run.events("reconnecting")
      #expect(attempts.compactMap { $0["attempt"] as? Int } == Array(1...max(1, attempts.count)))
      #expect(attempts.allSatisfy { $0["patience"] as? Double ?? 3 <= 2 })
      try await proxy.refuse(false)
      gate.open()
      let attached = try await bench.tool("attach", job, "--host", proxy.name, "--json")
      #expect(attached.status == 0, "\(attached.talk) \(attached.out.suffix(4000))")
      #expect(try bench.ownLog(of: job) == (try bench.hostLog(of: job, on: host)))
    }
  }

  private func children(of process: Int32) throws -> [Int32] {
    try String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)
      .split(separator: " ").compactMap { Int32($0) }
  }

  /// The same of one that may be gone.
  private func below(_ process: Int32) -> [Int32] { (try? children(of: process)) ?? [] }

  private func command(of process: Int32) throws -> String {
    try String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8).trimmingCharacters(in: .newlines)
  }

  /// A session of `server` in which an agent runs, and none of `others`: below it is a process of the user's own, and below
  /// that the agent.
  private func newSession(of server: Int32, but others: [Int32], for program: Program) async throws -> Int32 {
    while true {
      try program.expectRunning()
      let found = try children(of: server).first { child in
        !others.contains(child) && below(child).contains { !below($0).isEmpty }
      }
      if let found { return found }
      try await Task.sleep(for: .milliseconds(20))
    }
  }
}

/// The program under test: who waits for what it does must not wait for one that has ended.
private final class Program: Sendable {
  private let isOver = Mutex(false)

  struct Ended: Error {}

  func run(_ body: @Sendable () async throws -> Workbench.Outcome) async throws -> Workbench.Outcome {
    defer { isOver.withLock { $0 = true } }
    return try await body()
  }

  func expectRunning() throws { if isOver.withLock({ $0 }) { throw Ended() } }
}

/// SplitMix64: the same cuts for the same seed.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
