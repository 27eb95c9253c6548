// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import Testing

/// A whole run by each way to a host.
@Suite struct TransportTests {
  /// The lab's configuration, and `lines` before it: the first value of an option counts.
  private func configuration(_ bench: Workbench, _ lines: String) -> String {
    "\(lines)\nMatch all\nInclude \(bench.lab.description.ssh.config)\n"
  }

  @Test func aBuildOverTheSystemsSSH() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      try bench.writeHost(try #require(bench.lab.description.host("lab-1")), extra: "transport: openssh\n")
      let run = try await bench.tool("app", "--host", "lab-1", "--json")
      #expect(run.status == 0, "\(run.talk)")
      #expect(run.events("verified").count == 1)
      let again = try await bench.tool("sync", "--host", "lab-1", "--json")
      #expect(again.status == 0, "\(again.talk)")
      #expect(again.events("synced").first?["filesChanged"] as? Int == 0)
    }
  }

  @Test(arguments: ["libssh2", "openssh"]) func aSyncThroughAJumpHost(_ transport: String) async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      let host = try #require(bench.lab.description.host("bare"))
      try bench.writeHost(host, extra: "transport: \(transport)\n")
      let way = configuration(bench, "Host bare\n  ProxyJump lab-1\n  SetEnv UNUSED=1\n")
      let run = try await bench.tool(sshConfiguration: way, "sync", "--host", "bare", "--json")
      #expect(run.status == 0, "\(run.talk)")
      #expect(run.events("synced").count == 1)
      // Said once, though a sync opens several connections where it must; and not where it is honoured.
      let warnings = run.events("warning").compactMap { $0["message"] as? String }.filter { $0.contains("SetEnv") }
      #expect(warnings.count == (transport == "libssh2" ? 1 : 0))
      // A jump host that is not there is what the error names.
      let dead = configuration(bench, "Host bare\n  ProxyJump dead\n")
      let failed = try await bench.tool(sshConfiguration: dead, "sync", "--host", "bare")
      #expect(failed.status == 69, "\(failed.talk)")
      if transport == "libssh2" { #expect(failed.talk.contains("at the jump host dead")) }
    }
  }

  @Test(arguments: ["libssh2", "openssh"]) func whatIsRefusedHasItsExitStatus(_ transport: String) async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      try bench.writeHost(try #require(bench.lab.description.host("bare")), extra: "transport: \(transport)\n")
      let stranger = bench.lab.description.ssh.identities.unauthorized.description
      for (lines, status, words) in [
        (configuration(bench, "Host bare\n  StrictHostKeyChecking no\n"), Int32(64), "accept-new"),
        (configuration(bench, "Host bare\n  UserKnownHostsFile /dev/null\n"), 77, "--accept-new-host-key"),
        (try bench.sshConfiguration(for: "bare", identity: stranger), 77, "refused"),
        (configuration(bench, "Host bare\n  Port 1\n"), 69, "refused"),
      ] {
        let run = try await bench.tool(sshConfiguration: lines, "sync", "--host", "bare")
        #expect(run.status == status, "\(run.talk)")
        #expect(run.talk.contains(words), "\(run.talk)")
      }
    }
  }
}
