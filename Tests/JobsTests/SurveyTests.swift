// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary
import Wire

@testable import Jobs

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct SurveyTests {
  private func client<Value>(_ host: TestHost, _ body: (SurveyClient) async throws -> Value) async throws -> Value {
    try await host.withAgent { try await body(SurveyClient($0.connection)) }
  }

  @Test func aPlaceIsLookedAtAndNotTouched() async throws {
    try await TestHost.with { host in
      let home = host.home.string
      symlink("/tmp", home + "/link")
      let survey = try await client(host) {
        try await $0.survey([home, home + "/none/such", home + "/link/x", "/dev/shm", "/etc/passwd"])
      }
      #expect(survey.places.map(\.kind) == [.directory, .missing, .missing, .directory, .file])
      #expect(survey.places[0].isWritable && survey.places[0].owner == geteuid())
      #expect(survey.places[0].free > .zero && survey.places[0].size >= survey.places[0].free)
      #expect(survey.places[1].nearest == home)
      #expect(survey.places[2].nearest == home + "/link" && survey.places[2].realPath == "/tmp")
      #expect(survey.places[3].filesystem == "tmpfs")
      #expect(!FileManager.default.fileExists(atPath: home + "/none"))
      #expect(survey.agents.isEmpty && survey.dockerHost == nil)
    }
  }

  @Test func aServerThatListensIsReachedAndAClosedPortIsNot() async throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    func named(_ body: (UnsafeMutablePointer<sockaddr>) -> Int32) -> Int32 {
      withUnsafeMutablePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body) }
    }
    try #require(named { bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) } == 0)
    try #require(named { getsockname(listener, $0, &length) } == 0)
    let port = Int(UInt16(bigEndian: address.sin_port))
    try await TestHost.with { host in
      // Bound and not listening: nobody else has the port, and it refuses.
      let refused = try await client(host) { try await $0.reach("127.0.0.1", port: port) }
      #expect(refused.failure?.contains("refused") == true && refused.resolution == nil)
      try #require(listen(listener, 4) == 0)
      let reached = try await client(host) { try await $0.reach("localhost", port: port) }
      #expect(reached.failure == nil && reached.addresses.contains("127.0.0.1"), "\(reached)")
      let unknown = try await client(host) { try await $0.reach("no-such-host.invalid", port: port) }
      #expect(unknown.resolution != nil && unknown.addresses.isEmpty)
      for name in ["-f", ""] {
        await #expect(throws: ServiceFailure.self) { try await client(host) { try await $0.reach(name, port: port) } }
      }
    }
  }

  @Test func aMeasureIsBounded() async throws {
    #expect(SurveyCall.noise(10).count == 10 && SurveyCall.noise(-1).isEmpty)
    #expect(SurveyCall.noise(1 << 30).count == 1 << 20)
    #expect(Set(SurveyCall.noise(1 << 16)).count == 256)
    try await TestHost.with { host in try await client(host) { try await $0.measure(100_000) } }
  }

  @Test func agentsOfOtherVersionsGoAndThoseThatRunStay() async throws {
    try await TestHost.with { host in
      let agents = host.home.appending(".cache/remote-build/agents")
      let digests = ["a", "b", "c", "d"].map { String(repeating: $0, count: 64) }
      for (age, digest) in digests.enumerated() {
        let directory = agents.appending(digest)
        try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
        try SmallFile.create(directory.appending("remote-build-agent"), with: [UInt8](repeating: 1, count: 10_000))
        var times = [timespec(tv_sec: 1_000_000 - age, tv_nsec: 0), timespec(tv_sec: 1_000_000 - age, tv_nsec: 0)]
        utimensat(AT_FDCWD, directory.string, &times, 0)
      }
      try FileManager.default.createDirectory(
        atPath: agents.appending("mine").string, withIntermediateDirectories: true)
      // The oldest one runs, as the supervisor of a job of an earlier version does.
      let program = agents.appending(digests[3]).appending("remote-build-agent")
      SmallFile.removeTree(program)
      try FileManager.default.copyItem(atPath: "/bin/sleep", toPath: program.string)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: program.string)
      process.arguments = ["60"]
      try process.run()
      defer {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
      }
      let listed = try await client(host) { try await $0.survey([]) }.agents
      #expect(listed.map { $0.digest.first.map(String.init) }.count == 4)
      #expect(listed.filter(\.isRunning).map(\.digest) == [digests[3]])
      #expect(listed.allSatisfy { $0.size > ByteCount(9_999) })
      let newest = listed.filter { !$0.isRunning }.map(\.digest)
      let planned = try await client(host) { try await $0.pruneAgents(keeping: 1, isDry: true) }
      #expect(FileManager.default.fileExists(atPath: agents.appending(digests[2]).string))
      let done = try await client(host) { try await $0.pruneAgents(keeping: 1, isDry: false) }
      #expect(done.map(\.digest) == planned.map(\.digest))
      #expect(!done.map(\.digest).contains(digests[3]))
      let left = try SmallFile.names(in: agents).sorted()
      #expect(left == (Set(digests).subtracting(done.map(\.digest)).union(["mine"])).sorted())
      #expect(left.contains(digests[3]) && done.count >= newest.count - 1)
    }
  }

  @Test func oldFinishedJobsGo() async throws {
    try await TestHost.with { host in
      let gate = try host.gate()
      try await host.withClient { client in
        for id in ["01A", "01B", "01C"] { try await client.start(.shell(id, "echo \(id)")) }
        try await client.start(.shell("01D", gate.waiting))
      }
      for id in ["01A", "01B", "01C"] { _ = try await host.end(of: id) }
      // The first is verified; the second waits for its proof.
      try await host.withClient { client in
        _ = try await client.mark("01A", verified: Digest.sha256(of: "x"))
        _ = try await client.mark("01C", verified: Digest.sha256(of: "x"))
      }
      let young = try await client(host) { try await $0.pruneJobs(keeping: 0, olderThan: 3600, isDry: false) }
      #expect(young.isEmpty)
      let kept = try await client(host) { try await $0.pruneJobs(keeping: 2, olderThan: 0, isDry: true) }
      #expect(kept.map(\.name) == ["01A"])
      let done = try await client(host) { try await $0.pruneJobs(keeping: 0, olderThan: 0, isDry: false) }
      #expect(done.map(\.name) == ["01A", "01C"] && done.allSatisfy { $0.size > .zero })
      #expect(host.store.identifiers() == ["01B", "01D"])
      try gate.open()
      _ = try await host.end(of: "01D")
    }
  }

  @Test func proxiesAreToldWithoutTheirPasswords() {
    let environment = HostEnvironment(variables: [
      "HOME": "/nonexistent", "HTTPS_PROXY": "http://me:hunter2@proxy.test:3128", "NO_PROXY": "localhost,.test",
    ])
    let found = Proxies.of(environment)
    #expect(found["HTTPS_PROXY"] == "http://…@proxy.test:3128")
    #expect(found["NO_PROXY"] == "localhost,.test")
  }
}
