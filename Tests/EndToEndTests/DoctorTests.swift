// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// `doctor` finds each fault that is planted on real servers, names it, and says how to mend it.
@Suite struct DoctorTests {
  struct Row: Decodable {
    var host: String?
    var check: String
    var state: String
    var what: String
    var mend: [String]
    var status: Int?
  }

  static func rows(_ outcome: Workbench.Outcome) -> [Row] {
    outcome.out.split(separator: "\n").compactMap { try? JSONDecoder().decode(Row.self, from: Data($0.utf8)) }
  }

  @Test(.enabled(if: geteuid() == 0), arguments: [LabRegistry.Kind.htpasswd, .token])
  func aHealthyHostPassesEverywhere(_ kind: LabRegistry.Kind) async throws {
    let lab = try await TestLab.lab()
    let host = try await lab.addHost(.init(Fault.name("well")))
    try await Workbench.with(lab, registry: kind) { bench in
      try bench.writeSmallWorkspace()
      try bench.writeHost(host)
      let outcome = try await bench.tool("doctor", host.name, "--json")
      #expect(outcome.status == 0, "\(outcome.out) \(outcome.talk)")
      let rows = Self.rows(outcome)
      // These two judge how long something takes, which a busy machine decides.
      let timeless = rows.filter { !["shell", "line"].contains($0.check) }
      #expect(timeless.filter { $0.state != "pass" }.map(\.what).isEmpty)
      #expect(timeless.allSatisfy { $0.mend.isEmpty && $0.status == nil })
      // Every check is made, each once: nothing passes because nobody looked.
      let own = ["registry", "certificate", "registry-clock", "registry-login", "push"]
      #expect(rows.filter { $0.host == nil }.map(\.check) == own)
      #expect(
        rows.filter { $0.host == host.name }.map(\.check) == [
          "name", "reach", "host-key", "login", "library", "sessions", "agent", "line", "clock", "platform", "shell",
          "logout",
          "workspace", "lease", "disk", "inodes", "jobs", "secrets", "builder", "socket", "buildkit", "proxy",
          "registry-name", "registry-reach", "registry-trust", "registry-pull",
        ])
    }
  }

  @Test(.enabled(if: geteuid() == 0), arguments: Fault.allCases)
  func aFaultIsNamedWithItsMend(_ fault: Fault) async throws {
    let lab = try await TestLab.lab()
    try await fault.withPlanted(in: lab) { bench, arguments, starter in
      let outcome = try await bench.tool(arguments: ["doctor"] + arguments + ["--json"], startedBy: starter)
      let expected = fault.expected
      let rows = Self.rows(outcome)
      let row = try #require(
        rows.first { $0.check == expected.check && $0.state != "pass" }, "\(outcome.out) \(outcome.talk)")
      #expect(row.state == (expected.status == 0 ? "warn" : "fail"), "\(row)")
      #expect(row.what.contains(expected.what), "\(row)")
      #expect(row.mend.joined(separator: "\n").contains(expected.mend), "\(row)")
      #expect(row.status.map(Int32.init) == (expected.status == 0 ? nil : expected.status), "\(row)")
      #expect(outcome.status == fault.exit, "\(outcome.out) \(outcome.talk)")
    }
  }

  @Test func localNeedsNoNetwork() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.write("app.py", "print(1)\n")
      let rows = Self.rows(try await bench.tool("doctor", "local", "--json"))
      #expect(rows.first { $0.check == "name" }?.what == "this machine")
      #expect(rows.contains { $0.check == "workspace" && $0.state == "pass" })
      #expect(!rows.contains { $0.check == "reach" || $0.check == "registry" })
    }
  }

  /// Whatever a host says is shown so that it cannot steer the terminal.
  @Test(.enabled(if: geteuid() == 0)) func aHostsWordsCannotSteerTheTerminal() async throws {
    let lab = try await TestLab.lab()
    let host = try await lab.addHost(.init(Fault.name("loud"), docker: false))
    try await Workbench.with(lab) { bench in
      try bench.write("app.py", "print(1)\n")
      try bench.writeHost(host)
      try await Fault.printingRC.plant(on: host, bench, text: "\u{1b}]0;owned\u{7}\u{1b}[2J")
      let shown = try await bench.tool("doctor", host.name)
      #expect(shown.out.contains("start files"))
      #expect(!shown.out.unicodeScalars.contains { $0.value < 32 && $0 != "\n" }, "\(shown.out)")
    }
  }
}
