// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import SystemPackage
import Testing

@Suite struct HostTests {
  @Test func ofThreeHostsOneBrokenTwoHaveTheImageByItsDigest() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      let run = try await bench.tool("app", "--host", "lab-1", "--host", "dead", "--host", "lab-2", "--json")
      #expect(run.status == 69, "\(run.talk)")
      #expect(run.events("verified").count == 1)
      let digest = try #require(run.events("verified").first?["digest"] as? String)
      for host in ["lab-1", "lab-2"] {
        let engine = try #require(bench.lab.description.host(host)?.docker)
        let found = try await bench.command(
          "docker",
          [
            "-H", engine, "image", "inspect", "--format", "{{.Id}}",
            "\(bench.registry.address)/\(bench.owner)/app@\(digest)",
          ])
        #expect(found.status == 0, "\(host): \(found.talk)")
      }
      let rows = try #require(run.events("finished").first?["hosts"] as? [[String: Any]])
      #expect(rows.map { $0["part"] as? String } == ["built", "failed", "pulled"])
      #expect(rows.map { $0["status"] as? Int } == [0, 69, 0])
    }
  }

  @Test func aHostThatHangsHoldsUpNoOther() async throws {
    let lab = try await TestLab.lab()
    let name = "hung-\(UUID().uuidString.prefix(8).lowercased())"
    let proxy = try await lab.proxy(toHost: "lab-1", name: name)
    try await proxy.freeze()
    try await Workbench.with(lab) { bench in
      try bench.writeSmallWorkspace()
      try bench.write(
        "../home/.config/remote-build/hosts/\(name).yaml", "address: \(name)\nroles: [build]\n")
      let run = try await bench.tool("app", "--host", "lab-1", "--host", name, "--host", "lab-2", "--json")
      #expect(run.status == 69, "\(run.talk)")
      let events = run.out.split(separator: "\n").compactMap {
        try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
      }
      func place(_ event: String, _ host: String?) -> Int {
        events.firstIndex { $0["event"] as? String == event && (host == nil || $0["host"] as? String == host) } ?? .max
      }
      let failed = place("failed", name)
      for host in ["lab-1", "lab-2"] { #expect(place("synced", host) < failed, "\(host)") }
      #expect(place("started", nil) < failed)
      #expect((events[failed]["next"] as? [String])?.isEmpty == false)
      let finished = try #require(run.events("finished").first)
      let rows = try #require(finished["hosts"] as? [[String: Any]])
      #expect(rows.compactMap { $0["part"] as? String }.sorted() == ["built", "failed", "pulled"])
      let waited = try #require(rows[1]["seconds"] as? Double)
      #expect(waited >= 15 && finished["seconds"] as? Double ?? 0 >= waited)
    }
  }

  @Test func eachHostBuildsAndOnePushes() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      let run = try await bench.tool("app", "--host", "lab-1", "--host", "lab-2", "--build-on-each", "--json")
      #expect(run.status == 0, "\(run.talk)")
      #expect(run.events("started").count == 2)
      #expect(run.events("pushed").count == 1)
      let rows = try #require(run.events("finished").first?["hosts"] as? [[String: Any]])
      #expect(rows.map { $0["part"] as? String } == ["built", "built"])
    }
  }

  @Test func anAddressNeedsNoHostFile() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      let host = try #require(bench.lab.description.host("bare"))
      let run = try await bench.tool("sync", "--host", "\(host.user)@bare", "--json")
      #expect(run.status == 0, "\(run.talk)")
      #expect(run.events("synced").count == 1)
    }
  }

  @Test func twoProjectsOfOneNameDoNotShareACopy() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      let host = try #require(bench.lab.description.host("bare"))
      for place in ["one", "two"] {
        try bench.write("../\(place)/\(bench.owner)/\(place).txt", place)
        let run = try await bench.tool(
          "sync", "--host", "bare", "--workspace", bench.directory.appending("\(place)/\(bench.owner)").string, "--json"
        )
        #expect(run.status == 0, "\(run.talk)")
        #expect(run.events("synced").first?["filesDeleted"] as? Int == 0)
      }
      let copies = "\(try #require(host.homeSeenFromOutside))/.cache/remote-build/workspaces"
      let names = try FileManager.default.contentsOfDirectory(atPath: copies).filter { $0.hasPrefix(bench.owner) }
      #expect(names.count == 2)
    }
  }

  @Test func localIsAHostToo() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      let copy = bench.directory.appending("copy").string
      let run = try await bench.tool("sync", "--host", "local", "--remote-dir", copy)
      #expect(run.status == 0, "\(run.talk)")
      #expect(FileManager.default.contents(atPath: copy + "/lib/words.txt") == Data("one\ntwo\n".utf8))
    }
  }
}
