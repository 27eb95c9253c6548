// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import Testing

@Suite struct PruneTests {
  struct Row: Decodable {
    var host: String?
    var kind: String
    var count: Int
    var size: Int64
    var done: Bool
    var names: [String]
    var note: String?
  }

  private func rows(_ outcome: Workbench.Outcome) -> [Row] {
    outcome.out.split(separator: "\n").compactMap { try? JSONDecoder().decode(Row.self, from: Data($0.utf8)) }
  }

  private func tags(_ bench: Workbench, _ host: LabHost) async throws -> [String] {
    let engine = try #require(host.docker)
    let found = try await bench.command(
      "docker", ["-H", engine, "image", "ls", "--format", "{{.Tag}}", "\(bench.registry.address)/\(bench.owner)/app"])
    return found.out.split(separator: "\n").map(String.init).filter { $0 != "<none>" }.sorted()
  }

  @Test func whatIsOursAndNoLongerNeededGoes() async throws {
    let lab = try await TestLab.lab()
    let host = try await lab.addHost(.init(Fault.name("prune")))
    try await Workbench.with(lab) { bench in
      try bench.writeHost(host)
      for version in 1...4 {
        try bench.writeSmallWorkspace(version: "v\(version)")
        try bench.write("app.py", "print(\(version))\n")
        #expect(try await bench.tool("app", "--host", host.name).status == 0)
      }
      // Another image was built once, and is gone from the project.
      try bench.write("remote-build.yaml", bench.project("gone: {dockerfile: Dockerfile}"))
      #expect(try await bench.tool("gone", "--host", host.name).status == 0)
      try bench.write("remote-build.yaml", bench.project("app: {dockerfile: Dockerfile}", version: "v1"))
      let home = try #require(host.homeSeenFromOutside).description
      let old = "\(home)/.cache/remote-build/agents/\(String(repeating: "a", count: 64))"
      try FileManager.default.createDirectory(atPath: old, withIntermediateDirectories: true)

      let arguments = ["prune", host.name, "--keep", "2", "--older-than", "0", "--budget", "0B", "--json"]
      let refused = try await bench.tool(arguments: arguments)
      // Nobody is there to be asked.
      #expect(refused.status == 64 && refused.talk.contains("--yes") || refused.out.contains("--yes"), "\(refused)")
      let planned = rows(try await bench.tool(arguments: arguments + ["--dry-run"]))
      #expect(planned.allSatisfy { !$0.done })
      #expect(try await tags(bench, host) == ["v1", "v2", "v3", "v4"])
      #expect(FileManager.default.fileExists(atPath: old))

      let pruned = try await bench.tool(arguments: arguments + ["--yes"])
      #expect(pruned.status == 0, "\(pruned)")
      let done = rows(pruned).filter(\.done)
      // The newest two, and the version that remote-build.yaml names; the image of another name is not judged.
      #expect(try await tags(bench, host) == ["v1", "v3", "v4"])
      func row(_ kind: String) -> Row? { done.first { $0.kind == kind && $0.host == host.name } }
      #expect(row("images")?.names == ["\(bench.registry.address)/\(bench.owner)/app:v2"])
      #expect(row("slots")?.names == ["gone"])
      #expect(row("agents")?.names.count == 1)
      #expect((row("cache")?.size ?? 0) > 0)
      #expect(!FileManager.default.fileExists(atPath: old))
      // What was built last is still there and the next build goes on from it.
      let again = try await bench.tool(arguments: arguments + ["--dry-run"])
      #expect(!rows(again).contains { ["images", "slots", "agents"].contains($0.kind) }, "\(again)")
      try bench.writeSmallWorkspace(version: "v5")
      #expect(try await bench.tool("app", "--host", host.name).status == 0)
    }
  }

  @Test func whereSomeoneWorksNothingIsRemoved() async throws {
    let lab = try await TestLab.lab()
    let host = try await lab.addHost(.init(Fault.name("busy"), docker: false))
    try await Workbench.with(lab) { bench in
      try bench.writeHost(host)
      try bench.write("app.py", "print(1)\n")
      let home = try #require(host.homeSeenFromOutside).description
      let old = "\(home)/.cache/remote-build/agents/\(String(repeating: "a", count: 64))"
      try await Fault.heldLease.withHeldLease(on: host, bench) {
        try FileManager.default.createDirectory(atPath: old, withIntermediateDirectories: true)
        let refused = try await bench.tool("prune", host.name, "--yes")
        #expect(refused.status == 75, "\(refused)")
        #expect(refused.talk.contains("lease") && refused.talk.contains("nothing was removed there"), "\(refused)")
        #expect(FileManager.default.fileExists(atPath: old))
      }
    }
  }

  @Test func wrongLimitsAreUsage() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.write("app.py", "print(1)\n")
      for limits in [["--keep", "0"], ["--budget", "much"], ["--older-than", "-1"]] {
        #expect(try await bench.tool(arguments: ["prune", "--dry-run"] + limits).status == 64)
      }
    }
  }
}
