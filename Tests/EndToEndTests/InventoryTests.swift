// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import SystemPackage
import Testing

@Suite struct InventoryTests {
  struct Row: Decodable {
    var host: String
    var file: String?
    var address: String
    var state: String
    var reason: String?
    var builder: String?
    var roles: [String]
    var running: Int?
    var free: Int64?
    var status: Int?
  }

  @Test func theInventoryIsListedWithItsState() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.write("hosts/elsewhere.yaml", "address: bare\nroles: [run]\n")
      let outcome = try await bench.tool(
        "hosts", "--host", "lab-1", "--host", "dead", "--host", "bare", "--host", "elsewhere", "--json")
      #expect(outcome.status == 69, "\(outcome)")
      let rows = outcome.out.split(separator: "\n").compactMap {
        try? JSONDecoder().decode(Row.self, from: Data($0.utf8))
      }
      #expect(rows.map(\.host) == ["lab-1", "dead", "bare", "elsewhere"])
      #expect(rows.map(\.state) == ["ready", "unreachable", "no-builder", "no-builder"])
      #expect(rows[0].builder?.hasPrefix("docker ") == true && rows[0].running != nil && rows[0].free ?? 0 > 0)
      #expect(rows[0].status == nil && rows[1].status == 69)
      #expect(rows[1].reason?.contains("refused") == true)
      #expect(rows[0].file?.hasSuffix("/.config/remote-build/hosts/lab-1.yaml") == true)
      #expect(rows[3].file?.hasSuffix("/\(bench.owner)/hosts/elsewhere.yaml") == true && rows[3].roles == ["run"])
    }
  }

  @Test func aHostIsAddedAfterALookAtIt() async throws {
    let lab = try await TestLab.lab()
    let host = try await lab.addHost(.init(Fault.name("added")))
    try await Workbench.with(lab) { bench in
      try bench.write("app.py", "print(1)\n")
      let added = try await bench.tool("hosts", "add", "new", "deploy@\(host.name)")
      #expect(added.status == 0 && added.talk.contains("hosts/new.yaml"), "\(added)")
      let file = bench.workspace.appending("hosts/new.yaml").string
      let text = try String(contentsOfFile: file, encoding: .utf8)
      #expect(text.hasPrefix("address: deploy@\(host.name)\nbuilder: docker\nplatforms: [linux/"), "\(text)")
      #expect(try await bench.tool("sync", "--host", "new").status == 0)

      let again = try await bench.tool("hosts", "add", "new", "deploy@\(host.name)")
      #expect(again.status == 64 && again.talk.contains("is there already"), "\(again)")
      let users = try await bench.tool("hosts", "add", "mine", host.name, "--user", "--role", "run")
      #expect(users.status == 0, "\(users)")
      let own = bench.directory.appending("home/.config/remote-build/hosts/mine.yaml").string
      #expect(try String(contentsOfFile: own, encoding: .utf8).hasSuffix("roles: [run]\n"))
      // The user's own would win over the workspace's.
      let shadowed = try await bench.tool("hosts", "add", "mine", host.name)
      #expect(shadowed.status == 64 && shadowed.talk.contains("wins"), "\(shadowed)")
    }
  }

  @Test func aHostAtFaultIsAddedByForceAlone() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.write("app.py", "print(1)\n")
      let file = bench.workspace.appending("hosts/off.yaml").string
      let refused = try await bench.tool("hosts", "add", "off", "dead")
      #expect(refused.status == 69 && refused.talk.contains("--force"), "\(refused)")
      #expect(!FileManager.default.fileExists(atPath: file))
      let forced = try await bench.tool("hosts", "add", "off", "dead", "--force")
      #expect(forced.status == 0, "\(forced)")
      #expect(try String(contentsOfFile: file, encoding: .utf8) == "address: dead\nroles: [build]\n")
      for words in [["../up", "dead"], ["local", "dead"], ["x", "local"], ["x", "a b"]] {
        let outcome = try await bench.tool(arguments: ["hosts", "add"] + words)
        #expect(outcome.status == 64, "\(words): \(outcome)")
      }
    }
  }

  @Test func anUnknownKeyIsAcceptedOnlyWhereThatIsSaid() async throws {
    let lab = try await TestLab.lab()
    let host = try await lab.addHost(.init(Fault.name("fresh"), docker: false))
    try await Workbench.with(lab) { bench in
      try bench.write("app.py", "print(1)\n")
      let known = bench.directory.appending("known_hosts").string
      let configuration = bench.directory.appending("ssh_config").string
      try bench.write(
        "../ssh_config",
        bench.sshConfiguration(
          for: host, knownHosts: known, identity: lab.description.ssh.identities.ed25519.description))
      let words = ["hosts", "add", "fresh", host.name, "--force", "--ssh-config", configuration]
      let refused = try await bench.tool(arguments: Array(words.filter { $0 != "--force" }))
      #expect(refused.status == 77 && refused.out.contains("--accept-new-host-key"), "\(refused)")
      #expect(!FileManager.default.fileExists(atPath: known))
      let accepted = try await bench.tool(arguments: words + ["--accept-new-host-key"])
      #expect(accepted.status == 0, "\(accepted)")
      #expect(FileManager.default.fileExists(atPath: known))
    }
  }
}
