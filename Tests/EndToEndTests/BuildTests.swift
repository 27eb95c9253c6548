// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import Subprocess
import SystemPackage
import Testing

@Suite struct BuildTests {
  @Test(arguments: [LabRegistry.Kind.htpasswd, .token])
  func aBuildIsSyncedPushedAndVerified(_ kind: LabRegistry.Kind) async throws {
    try await Workbench.with(try await TestLab.lab(), registry: kind) { bench in
      try bench.writeSmallWorkspace()
      try await bench.commit("first")
      let first = try await bench.tool("app", "--host", "lab-1", "--json")
      #expect(first.status == 0, "\(first.talk)")
      #expect(first.events("synced").first?["filesChanged"] as? Int ?? 0 > 0)
      let digest = try #require(first.events("verified").first?["digest"] as? String)
      #expect(try await bench.inspect("app:v1.0.1")["Digest"] as? String == digest)
      let labels = try #require(try await bench.inspect("app:v1.0.1")["Labels"] as? [String: String])
      let names = ["created", "revision", "version", "base.name", "base.digest"].map {
        "org.opencontainers.image.\($0)"
      }
      for name in names + ["dev.remote-build.build-key", "dev.remote-build.tree-digest"] {
        #expect(labels[name] != nil, "\(name)")
      }

      let again = try await bench.tool("app", "--host", "lab-1", "--json")
      #expect(again.status == 0, "\(again.talk)")
      #expect(again.events("synced").first?["contentBytes"] as? Int == 0)
      #expect(again.events("synced").first?["roundTrips"] as? Int == 1)
      #expect(again.events("standing").count == 1)
      #expect(again.events("started").isEmpty)
      #expect(again.events("verified").first?["digest"] as? String == digest)

      let other = try await bench.tool("app", "--host", "lab-1", "--json", "--version", "v1.0.2")
      #expect(other.status == 0, "\(other.talk)")
      #expect(other.events("pushed").first?["layersSent"] as? Int == 0)
    }
  }

  @Test func oneLineIsOneFileAndOneLayer() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace(version: "git")
      try await bench.commit("first")
      let first = try await bench.tool("app", "--host", "lab-1", "--json")
      #expect(first.status == 0, "\(first.talk)")
      try bench.write("app.py", "print('two of \(bench.owner)')\n")
      let second = try await bench.tool("app", "--host", "lab-1", "--json")
      #expect(second.status == 0, "\(second.talk)")
      #expect(second.events("synced").first?["filesChanged"] as? Int == 1)
      #expect(second.events("pushed").first?["layersSent"] as? Int == 1)
      let cached = second.events("step").filter { $0["state"] as? String == "cached" }.compactMap {
        $0["name"] as? String
      }
      #expect(cached.contains { $0.contains("RUN echo built") })
      let versions = [first, second].compactMap { $0.events("planned").first?["version"] as? String }
      #expect(versions.count == 2 && versions[0] != versions[1] && versions[1].contains("-dirty."))
    }
  }

  @Test func aChangeUnderAFixedVersionIsRefusedBeforeItIsBuilt() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      #expect(try await bench.tool("app", "--host", "lab-1").status == 0)
      try bench.write("app.py", "print('two of \(bench.owner)')\n")
      let refused = try await bench.tool("app", "--host", "lab-1", "--json")
      #expect(refused.status == 74, "\(refused.talk)")
      #expect(refused.events("started").isEmpty)
      let next = try #require(refused.events("failed").first?["next"] as? [String])
      #expect(next.count == 3)
      for way in ["remote-build.yaml", "--version", "--replace"] { #expect(next.contains { $0.contains(way) }) }
      let replaced = try await bench.tool("app", "--host", "lab-1", "--replace")
      #expect(replaced.status == 0, "\(replaced.talk)")
    }
  }

  @Test func anImageOnAnotherOfTheProjectTakesItsVersionFromThere() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.write(
        "remote-build.yaml",
        bench.project("base: {dockerfile: base.Dockerfile, version: v2.0.0}\napp: {dockerfile: app.Dockerfile}"))
      try bench.write("base.Dockerfile", "FROM python:3.12-slim\nRUN echo base > /base\n")
      try bench.write(
        "app.Dockerfile",
        "ARG REGISTRY\nARG OWNER\nARG BASE_VERSION\nFROM ${REGISTRY}/${OWNER}/base:${BASE_VERSION}\nRUN test -e /base\n"
      )
      let alone = try await bench.tool("app", "--host", "lab-1")
      #expect(alone.status == 74, "\(alone.talk)")
      #expect(alone.talk.contains("remote-build base app"))
      let both = try await bench.tool("app", "base", "--host", "lab-1", "--json")
      #expect(both.status == 0, "\(both.talk)")
      #expect(
        both.events("verified").compactMap { $0["reference"] as? String }.map { $0.hasSuffix("base:v2.0.0") } == [
          true, false,
        ])
    }
  }

  @Test func theClientKilledInMidBuildIsFinishedByVerify() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      let gate = try Gate()
      try bench.writeSmallWorkspace(
        dockerfile: """
          FROM python:3.12-slim
          RUN python3 -c "import socket; socket.create_connection(('127.0.0.1', \(gate.port))).recv(1)"
          COPY app.py /
          """)
      try await bench.killTool("app", "--host", "lab-1", "--json", when: { try await gate.connected() })
      let running = try await bench.job(on: "lab-1")
      #expect(running.state.hasPrefix("running"))
      gate.open()
      let verified = try await bench.tool("verify", running.id, "--host", "lab-1", "--json")
      #expect(verified.status == 0, "\(verified.talk) \(verified.out)")
      #expect(
        verified.events("verified").map { $0["reference"] as? String } == [
          "\(bench.registry.address)/\(bench.owner)/app:v1.0.1"
        ])
      #expect(try await bench.job(on: "lab-1").state == "verified")
    }
  }

  @Test func attachDetachesWithItsTerminalAndCancelsWithoutOne() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      let gate = try Gate()
      try bench.writeSmallWorkspace(
        dockerfile: """
          FROM python:3.12-slim
          RUN python3 -c "import socket; socket.create_connection(('127.0.0.1', \(gate.port))).recv(1)"
          COPY app.py /
          """)
      try await bench.killTool("app", "--host", "lab-1", "--json", when: { try await gate.connected() })
      let job = try await bench.job(on: "lab-1")
      let detached = try await bench.tool(interruptedBy: .terminalClosed, after: "started", "attach", job.id)
      #expect(detached.status == 130)
      let failure = try #require(detached.events("failed").first)
      #expect(failure["what"] as? String == "detached")
      #expect((failure["leftBehind"] as? String)?.contains(job.id) == true)
      let reach = "\(job.id) --ssh-config \(bench.lab.description.ssh.config)"
      #expect(failure["next"] as? [String] == ["remote-build attach \(reach)", "remote-build cancel \(reach)"])
      #expect(try await bench.job(on: "lab-1").state.hasPrefix("running"))

      // Whoever only verifies has no say about the job.
      let verifying = try await bench.tool(interruptedBy: .terminate, after: "started", "verify", job.id)
      #expect(verifying.status == 130)
      #expect(try await bench.job(on: "lab-1").state.hasPrefix("running"))

      let cancelled = try await bench.tool(
        interruptedBy: .terminate, after: "started", "attach", job.id, "--host", "lab-1")
      #expect(cancelled.status == 130)
      #expect(!cancelled.out.contains("could not be cancelled"), "\(cancelled.out)")
      #expect(try await bench.job(on: "lab-1").state == "cancelled")
      let again = try await bench.tool("cancel", job.id)
      #expect(again.status == 0, "\(again.talk)")
    }
  }

  /// As in the first build on a host that is in no inventory.
  @Test func aSuggestedCommandWorksAsItStands() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace(dockerfile: "FROM python:3.12-slim\nRUN exit 7\n")
      let host = "\(try #require(bench.lab.description.host("lab-1")).user)@lab-1"
      for file in try FileManager.default.contentsOfDirectory(atPath: bench.hostFiles) {
        try FileManager.default.removeItem(atPath: "\(bench.hostFiles)/\(file)")
      }
      let failed = try await bench.tool("app", "--host", host, "--json")
      #expect(failed.status == 1, "\(failed.talk) \(failed.out)")
      let id = try #require(failed.events("started").first?["job"] as? String)
      let jobs = try await bench.tool("jobs", "--host", host, "--json")
      #expect(jobs.events("connected").isEmpty)
      #expect(jobs.out.split(separator: "\n").allSatisfy { $0.contains(#""id":"#) }, "\(jobs.out)")
      let other = try await bench.tool("attach", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--host", host, "--json")
      let next = try #require((other.events("failed").first?["next"] as? [String])?.first)
      let path = "\(Workbench.program.removingLastComponent()):\(bench.environment["PATH"] ?? "")"
      let typed = try await bench.command("sh", ["-c", next], ["PATH": path])
      #expect(typed.status == 0 && typed.out.contains(id), "\(next): \(typed.talk)")
    }
  }

  @Test func aConnectionCutInMidBuildIsTakenUpWithoutALostLine() async throws {
    let lab = try await TestLab.lab()
    let name = "far-\(UUID().uuidString.prefix(8).lowercased())"
    let proxy = try await lab.proxy(toHost: "lab-1", name: name)
    try await Workbench.with(lab) { bench in
      let gate = try Gate()
      let network = lab.description.host("lab-1")?.buildNetwork ?? "default"
      try bench.write(
        "../home/.config/remote-build/hosts/\(name).yaml",
        "address: \(name)\nroles: [build]\nbuild-network: \(network)\nmax-builds: 16\n")
      try bench.writeSmallWorkspace(
        dockerfile: """
          FROM python:3.12-slim
          RUN echo before-the-cut && python3 -c "import socket; socket.create_connection(('127.0.0.1', \(gate.port))).recv(1)" \
            && echo after-the-cut
          """)
      async let running = bench.tool("app", "--host", name, "--json")
      try await gate.connected()
      try await proxy.cut()
      gate.open()
      let run = try await running
      #expect(run.status == 0, "\(run.talk) \(run.out)")
      #expect(!run.events("reconnecting").isEmpty)
      #expect(run.events("verified").count == 1)
      let lines = run.events("output").compactMap { $0["line"] as? String }
      for line in ["before-the-cut", "after-the-cut"] { #expect(lines.filter { $0 == line }.count == 1, "\(line)") }
      #expect(try await bench.job(on: "lab-1").state == "verified")
    }
  }
}
