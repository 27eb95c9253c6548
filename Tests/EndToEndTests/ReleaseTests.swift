// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import SystemPackage
import Testing

/// Builds that move a channel, and rollbacks, with skopeo and Docker as independent eyes.
@Suite struct ReleaseTests {
  @Test func threeBuildsArePromotedAndRolledBack() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeChannelWorkspace()
      try await bench.commit("first")
      var digests: [String: String] = [:]
      for version in ["v1.0.1", "v1.0.2", "v1.0.3"] {
        try bench.write("app.py", "print('\(version) of \(bench.owner)')\n")
        try bench.write("svc.py", "print('\(version) of the service of \(bench.owner)')\n")
        try await bench.commit(version)
        let built = try await bench.tool("app", "svc", "--host", "lab-1", "--version", version, "--json")
        #expect(built.status == 0, "\(built.talk) \(built.out)")
        #expect(built.events("moved").map { $0["image"] as? String } == ["app", "svc"])
        for image in ["app", "svc"] {
          digests["\(image):\(version)"] = try await bench.skopeoDigest("\(image):\(version)")
          #expect(try await bench.skopeoDigest("\(image):stable") == digests["\(image):\(version)"])
        }
      }
      let listed = try await bench.tool("releases", "app", "--json")
      #expect(listed.status == 0, "\(listed.talk)")
      let rows = listed.rows
      #expect(rows.map { $0["tag"] as? String } == ["v1.0.3", "v1.0.2", "v1.0.1"])
      #expect(rows.map { $0["channels"] as? [String] } == [["stable"], [], []])
      #expect(rows.allSatisfy { $0["isWhole"] as? Bool == true && $0["tree"] != nil && $0["revision"] != nil })
      #expect((rows[0]["by"] as? String)?.contains("@") == true)

      func expect(_ outcome: Workbench.Outcome, _ version: String, location: SourceLocation = #_sourceLocation)
        async throws
      {
        #expect(outcome.status == 0, "\(outcome.talk) \(outcome.out)", sourceLocation: location)
        for image in ["app", "svc"] {
          let digest = digests["\(image):\(version)"]
          #expect(try await bench.skopeoDigest("\(image):stable") == digest, sourceLocation: location)
          #expect(try await bench.pulledDigest("\(image):stable") == digest, sourceLocation: location)
        }
      }
      try await expect(bench.tool("rollback", "app", "svc", "--yes", "--json"), "v1.0.2")
      try await expect(bench.tool("rollback", "app", "svc", "--to", "v1.0.1", "--yes", "--json"), "v1.0.1")
      try await expect(bench.tool("promote", "app:v1.0.3", "svc:v1.0.3", "--yes", "--json"), "v1.0.3")

      // A laptop that has never seen the project: no checkout, no state, only the registry's name.
      let bare = bench.directory.appending("elsewhere").string
      try FileManager.default.createDirectory(atPath: bare, withIntermediateDirectories: true)
      let other = try await bench.tool(
        "rollback", "\(bench.registry.address)/\(bench.owner)/app", "\(bench.registry.address)/\(bench.owner)/svc",
        "--channel", "stable", "--ca-file", bench.lab.description.authority.description, "--workspace", bare, "--yes",
        "--json", environment: ["XDG_STATE_HOME": bare, "USER": "ben"])
      try await expect(other, "v1.0.1")
      let log = try await bench.tool("releases", "--log", "--json")
      let entries = log.rows.filter { ($0["image"] as? String)?.contains("/\(bench.owner)/") == true }
      #expect(
        entries.contains { ($0["who"] as? String)?.hasPrefix("ben@") == true && $0["result"] as? String == "done" })
      #expect(entries.contains { $0["command"] as? String == "build" })

      // A version that stands, and from which the channel was moved away, does not take it back.
      let again = try await bench.tool("app", "--host", "lab-1", "--version", "v1.0.3", "--json")
      #expect(again.status == 0, "\(again.talk)")
      #expect(again.events("standing").count == 1 && again.events("moved").isEmpty)
      #expect(try await bench.skopeoDigest("app:stable") == digests["app:v1.0.1"])
    }
  }

  @Test func aDirtyTreeDoesNotMoveTheChannel() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeChannelWorkspace()
      try await bench.commit("first")
      try bench.write("app.py", "print('changed in \(bench.owner)')\n")
      let dirty = try await bench.tool("app", "--host", "lab-1", "--version", "v1.0.1", "--json")
      #expect(dirty.status == 0 && dirty.events("moved").isEmpty, "\(dirty.talk)")
      #expect(dirty.events("warning").contains { ($0["message"] as? String)?.contains("--allow-dirty") == true })
      let allowed = try await bench.tool(
        "app", "--host", "lab-1", "--version", "v1.0.1", "--allow-dirty", "--json")
      #expect(allowed.status == 0 && allowed.events("moved").count == 1, "\(allowed.talk) \(allowed.out)")
      try await bench.commit("second")
      try bench.write("app.py", "print('changed again in \(bench.owner)')\n")
      try await bench.commit("third")
      let held = try await bench.tool("app", "--host", "lab-1", "--version", "v1.0.2", "--no-promote", "--json")
      #expect(held.status == 0 && held.events("moved").isEmpty, "\(held.talk)")
      #expect(try await bench.skopeoDigest("app:stable") == bench.skopeoDigest("app:v1.0.1"))
    }
  }

  /// Two laptops at once, with a host that gives leases: whoever succeeds has the channel where he says.
  @Test func ofTwoRollbacksAtOnceOneWins() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeChannelWorkspace()
      try await bench.commit("first")
      for version in ["v1.0.1", "v1.0.2", "v1.0.3"] {
        try bench.write("app.py", "print('\(version) of \(bench.owner)')\n")
        try await bench.commit(version)
        let built = try await bench.tool("app", "--host", "lab-1", "--version", version, "--json")
        #expect(built.status == 0, "\(built.talk)")
      }
      let states = ["one", "two"].map { bench.directory.appending($0).string }
      async let first = bench.tool("rollback", "app", "--yes", "--json", environment: ["XDG_STATE_HOME": states[0]])
      async let second = bench.tool("rollback", "app", "--yes", "--json", environment: ["XDG_STATE_HOME": states[1]])
      let outcomes = try await [first, second]
      // Where the second planned after the first was through, it went a step further, and both were right.
      let wins = outcomes.filter { $0.status == 0 }
      #expect(!wins.isEmpty, "\(outcomes.map(\.talk)) \(outcomes.map(\.out))")
      for outcome in outcomes where outcome.status != 0 {
        #expect([74, 75].contains(outcome.status), "\(outcome.out)")
      }
      #expect(outcomes.allSatisfy { $0.events("warning").isEmpty }, "\(outcomes.map(\.out))")
      let version = wins.count == 2 ? "v1.0.1" : "v1.0.2"
      #expect(try await bench.skopeoDigest("app:stable") == bench.skopeoDigest("app:\(version)"))
    }
  }

  /// The client is killed in mid-build: whoever gives the proof moves the channel.
  @Test func whatVerifyProvesMovesTheChannel() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      let gate = try Gate()
      try bench.writeChannelWorkspace()
      try bench.write(
        "Dockerfile",
        """
        FROM python:3.12-slim
        RUN python3 -c "import socket; socket.create_connection(('127.0.0.1', \(gate.port))).recv(1)"
        COPY app.py /
        """)
      try await bench.commit("first")
      try await bench.killTool("app", "--host", "lab-1", "--json", when: { try await gate.connected() })
      let job = try await bench.job(on: "lab-1")
      gate.open()
      let verified = try await bench.tool("verify", job.id, "--host", "lab-1", "--json")
      #expect(verified.status == 0, "\(verified.talk) \(verified.out)")
      #expect(verified.events("moved").map { $0["channel"] as? String } == ["stable"])
      #expect(try await bench.skopeoDigest("app:stable") == bench.skopeoDigest("app:v1.0.1"))
    }
  }

  @Test func withoutATerminalAPlanIsShownAndNotCarriedOut() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeChannelWorkspace()
      try await bench.commit("first")
      let built = try await bench.tool("app", "--host", "lab-1", "--version", "v1.0.1", "--no-promote")
      #expect(built.status == 0, "\(built.talk)")
      // A session of its own has no terminal, whatever these tests were started from.
      let refused = try await bench.command(
        "setsid",
        [
          "--wait", Workbench.program.string, "promote", "app:v1.0.1", "--ssh-config",
          bench.lab.description.ssh.config.description,
        ])
      #expect(refused.status == 64)
      #expect(refused.talk.contains("app stable → v1.0.1: a new channel") && refused.talk.contains("--yes"))
      #expect(try await bench.command("skopeo", bench.skopeo("list-tags", "app")).out.contains("v1.0.1"))
      #expect(!(try await bench.command("skopeo", bench.skopeo("list-tags", "app")).out.contains("stable")))
    }
  }
}

extension Workbench.Outcome {
  /// The objects of a list's `--json`.
  var rows: [[String: Any]] {
    out.split(separator: "\n").compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }.filter { $0["event"] == nil }
  }
}

extension Workbench {
  /// A workspace with an image and a service, and a channel.
  func writeChannelWorkspace() throws {
    try write(
      "remote-build.yaml",
      project("app: {dockerfile: Dockerfile}\nsvc: {dockerfile: svc.Dockerfile}")
        .replacingOccurrences(of: "images:", with: "channel: stable\nimages:"))
    try write("Dockerfile", "FROM python:3.12-slim\nCOPY app.py /app/\n")
    try write("svc.Dockerfile", "FROM python:3.12-slim\nCOPY svc.py /app/\n")
    try write("app.py", "print('app of \(owner)')\n")
    try write("svc.py", "print('svc of \(owner)')\n")
    try write(".dockerignore", "*\n!app.py\n!svc.py\n")
  }

  /// skopeo's arguments for a command on an image of this bench.
  func skopeo(_ command: String, _ name: String) -> [String] {
    [
      command, "--tls-verify=false", "--authfile", directory.appending("home/.docker/config.json").string,
      "docker://\(registry.address)/\(owner)/\(name)",
    ]
  }

  /// The digest that skopeo computes over the manifest's bytes.
  func skopeoDigest(_ name: String) async throws -> String {
    guard let digest = try await inspect(name)["Digest"] as? String else {
      throw LabError.missing("a digest of \(name)")
    }
    return digest
  }

  /// The digest under which a host's Docker pulls a name.
  func pulledDigest(_ name: String) async throws -> String {
    guard let engine = lab.description.host("lab-2")?.docker else { throw LabError.missing("an engine") }
    let reference = "\(registry.address)/\(owner)/\(name)"
    let pull = try await command("docker", ["-H", engine, "pull", reference])
    guard let line = pull.out.split(separator: "\n").first(where: { $0.hasPrefix("Digest: ") }) else {
      throw LabError.missing("a pull of \(name): \(pull.talk)")
    }
    return String(line.dropFirst(8))
  }
}
