// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import SystemPackage
import Testing

/// Each refusal has its own exit status, and words that name the host and the next step.
@Suite struct RefusalTests {
  private func expect(
    _ outcome: Workbench.Outcome, _ status: Int32, says words: String..., location: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.status == status, "\(outcome.talk) \(outcome.out)", sourceLocation: location)
    let said = outcome.talk + outcome.out
    for word in words { #expect(said.contains(word), "\(word) in: \(said)", sourceLocation: location) }
  }

  @Test func anUnknownHostKey() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      let known = bench.directory.appending("known_hosts").string
      let configuration = try bench.sshConfiguration(for: "bare", knownHosts: known)
      let refused = try await bench.tool(sshConfiguration: configuration, "sync", "--host", "bare")
      expect(refused, 77, says: "bare", "SHA256:", "--accept-new-host-key")
      let accepted = try await bench.tool(
        sshConfiguration: configuration, "sync", "--host", "bare", "--accept-new-host-key")
      #expect(accepted.status == 0, "\(accepted.talk)")
      let again = try await bench.tool(sshConfiguration: configuration, "sync", "--host", "bare")
      #expect(again.status == 0, "\(again.talk)")
    }
  }

  @Test func aChangedHostKey() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      let known = try await bench.lab.knownHostsWithAnotherKey(for: "bare").description
      let configuration = try bench.sshConfiguration(for: "bare", knownHosts: known)
      let refused = try await bench.tool(
        sshConfiguration: configuration, "sync", "--host", "bare", "--accept-new-host-key")
      expect(refused, 77, says: "bare", "is not the one that", "ssh-keygen -R")
    }
  }

  @Test func aWrongKey() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      let identity = bench.lab.description.ssh.identities.unauthorized.description
      let refused = try await bench.tool(
        sshConfiguration: try bench.sshConfiguration(for: "bare", identity: identity), "sync", "--host", "bare")
      expect(refused, 77, says: "bare", identity, "next")
    }
  }

  @Test func aWrongRegistryPassword() async throws {
    try await Workbench.with(try await TestLab.lab(), password: "not-the-password") { bench in
      try bench.writeSmallWorkspace()
      let refused = try await bench.tool("app", "--host", "lab-1", "--json")
      expect(refused, 77, says: "docker login \(bench.registry.address)", "next")
      #expect(refused.events("started").isEmpty)
      #expect(!refused.talk.contains("not-the-password"))
    }
  }

  @Test func aHostThatIsDown() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      expect(try await bench.tool("app", "--host", "dead"), 69, says: "dead")
    }
  }

  @Test func noDockerOnTheHost() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      expect(try await bench.tool("app", "--host", "bare"), 69, says: "bare", "Docker", "next", "--host")
    }
  }

  @Test func aFailingStepIsShownWithItsLastLines() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace(
        dockerfile: "FROM python:3.12-slim\nRUN echo the-first-word; echo the-last-word >&2; exit 7\n")
      expect(
        try await bench.tool("app", "--host", "lab-1"), 1, says: "lab-1", "RUN echo", "the-first-word", "the-last-word",
        "nothing was pushed", "next")
    }
  }

  @Test func aSyntaxErrorInADockerfile() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace(dockerfile: "FROM python:3.12-slim\nCOPI app.py /\n")
      expect(try await bench.tool("app", "--host", "lab-1"), 64, says: "Dockerfile:2", "COPI")
    }
  }

  @Test func whatTheBuilderAloneFindsWrongInADockerfile() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace(dockerfile: "FROM python:3.12-slim\nCOPY --bogus app.py /\n")
      expect(try await bench.tool("app", "--host", "lab-1"), 1, says: "lab-1", "bogus", "next")
    }
  }

  @Test func aBadProjectFile() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      try bench.write(
        "remote-build.yaml", "registry: r.example\nowner: shop\nimages:\n  app: {dokerfile: Dockerfile}\n")
      expect(try await bench.tool("app", "--host", "lab-1"), 64, says: "remote-build.yaml:4:9", "dockerfile")
    }
  }

  @Test func aRegistryThatDropsTheManifestAfterThePush() async throws {
    try await Workbench.with(try await TestLab.lab(), registry: .liar) { bench in
      try bench.writeSmallWorkspace()
      let refused = try await bench.tool("app", "--host", "lab-1", "--json")
      expect(refused, 76, says: "lab-1", bench.registry.address, "next", "unverified")
      let left = refused.events("failed").first?["leftBehind"] as? String
      #expect(left?.hasPrefix("nothing stands under the tag") == true, "\(left ?? "")")
      let jobs = try await bench.tool("jobs", "--host", "lab-1")
      #expect(jobs.out.contains("pushed, unverified"), "\(jobs.out)")
    }
  }

  @Test func aFullDiskDuringTheSync() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      expect(try await bench.tool("sync", "--host", "small"), 0)
      var noise: [UInt8] = []
      for _ in 0..<(8 << 20) { noise.append(UInt8.random(in: .min ... .max)) }
      for number in 0..<8 {
        let path = bench.workspace.appending("lib/noise-\(number)").string
        _ = FileManager.default.createFile(atPath: path, contents: Data(noise) + Data([UInt8(number)]))
      }
      expect(try await bench.tool("sync", "--host", "small"), 73, says: "small", "full", "next")
      #expect(!(try await bench.tool("sync", "--host", "small").talk.contains("docker")))
      let home = try #require(bench.lab.description.host("small")?.homeSeenFromOutside).description
      let copies = "\(home)/.cache/remote-build/workspaces"
      let name = try #require(
        FileManager.default.contentsOfDirectory(atPath: copies).first { $0.hasPrefix(bench.owner) })
      let copy = "\(copies)/\(name)"
      #expect(FileManager.default.contents(atPath: copy + "/lib/words.txt") == Data("one\ntwo\n".utf8))
      #expect(!FileManager.default.fileExists(atPath: copy + "/lib/noise-0"))
      try? FileManager.default.removeItem(atPath: copy)
    }
  }

  @Test func aFullDiskBeforeTheAgentIsThere() async throws {
    let lab = try await TestLab.lab()
    let name = "full-\(UUID().uuidString.prefix(8).lowercased())"
    let host = try await lab.addHost(.init(name, docker: false, homeSize: "4m"))
    try await Workbench.with(lab) { bench in
      try bench.writeSmallWorkspace()
      try bench.writeHost(host)
      expect(try await bench.tool("sync", "--host", name), 69, says: name, "cannot write", "No space left", "next")
    }
  }

  @Test func anAgentThatIsKilledInMidPush() async throws {
    let lab = try await TestLab.lab()
    let name = "killed-\(UUID().uuidString.prefix(8).lowercased())"
    let host = try await lab.addHost(.init(name, docker: false))
    let proxy = try await lab.proxy(toHost: name, name: "far-\(name)")
    try await Workbench.with(lab) { bench in
      try bench.writeSmallWorkspace()
      try bench.writeHost(host)
      // So that the agent is there, and what passes is the push.
      #expect(try await bench.tool("sync", "--host", name).status == 0)
      var noise = SystemRandomNumberGenerator()
      let bytes = (0..<(4 << 20)).flatMap { _ in withUnsafeBytes(of: noise.next()) { Array($0) } }
      let path = bench.workspace.appending("lib/noise").string
      #expect(FileManager.default.createFile(atPath: path, contents: Data(bytes)))
      try bench.write("../home/.config/remote-build/hosts/\(proxy.name).yaml", "address: \(proxy.name)\n")
      async let pushing = bench.tool("sync", "--host", proxy.name)
      while try await proxy.traffic().up < 4 << 20 { try await Task.sleep(for: .milliseconds(5)) }
      try await proxy.freeze()
      let killed = try await bench.command(
        "ssh", ["-n", "-F", lab.description.ssh.config.description, name, "kill -9 $(pidof remote-build-agent)"])
      #expect(killed.status == 0, "\(killed.talk)")
      try await proxy.thaw()
      expect(try await pushing, 69, says: proxy.name, "ended", "as it was or as it should be", "next")
    }
  }

  @Test func aFileWhereTheCopyShouldBe() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      try bench.write("../file", "mine")
      let refused = try await bench.tool(
        "sync", "--host", "local", "--remote-dir", bench.directory.appending("file").string)
      expect(refused, 73, says: "not a directory", "--remote-dir")
      #expect(!refused.talk.contains("--adopt"), "\(refused.talk)")
    }
  }

  @Test func aSecretsNameThatIsAPath() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      let refused = try await bench.tool("app", "--host", "lab-1", "--secret", "a/../b=Dockerfile", "--json")
      expect(refused, 64, says: "a/../b", "next")
      #expect(refused.events("connected").isEmpty)
    }
  }

  @Test func aFullDiskDuringTheBuild() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace(dockerfile: "FROM python:3.12-slim\nRUN head -c 600000000 /dev/zero > /zeros\n")
      let tight = try #require(bench.lab.description.host("tight"))
      // All is refused before anything is built, unless its file says that less is enough.
      expect(
        try await bench.tool("app", "--host", "tight"), 1, says: "tight", "too little room", "nothing was built",
        "docker builder prune", "min-free-disk")
      try bench.writeHost(tight, extra: "min-free-disk: 1MB\n")
      expect(
        try await bench.tool("app", "--host", "tight"), 1, says: "tight", "the disk is full", "nothing was pushed",
        "docker builder prune")
    }
  }

  @Test func aFullDiskDuringThePull() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace(dockerfile: "FROM python:3.12-slim\nRUN head -c 600000000 /dev/zero > /zeros\n")
      let run = try await bench.tool("app", "--host", "lab-1", "--host", "tight", "--json")
      #expect(run.status == 1, "\(run.talk) \(run.out)")
      let failure = try #require(run.events("failed").first)
      #expect(failure["host"] as? String == "tight")
      #expect((failure["what"] as? String)?.hasPrefix("the disk is full: ") == true, "\(failure)")
      #expect((failure["next"] as? [String])?.first?.contains("docker image prune") == true)
    }
  }

  @Test func aDirectoryThatIsNotOurs() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      let home = try #require(bench.lab.description.host("bare")?.homeSeenFromOutside).description
      let name = "papers-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: "\(home)/\(name)", withIntermediateDirectories: true)
      #expect(FileManager.default.createFile(atPath: "\(home)/\(name)/thesis", contents: Data("mine".utf8)))
      let host = try #require(bench.lab.description.host("bare"))
      let refused = try await bench.tool("sync", "--host", "bare", "--remote-dir", "\(host.home)/\(name)")
      expect(refused, 73, says: "bare", name, "next", "--adopt")
      #expect(FileManager.default.contents(atPath: "\(home)/\(name)/thesis") == Data("mine".utf8))
      #expect(!FileManager.default.fileExists(atPath: "\(home)/\(name)/app.py"))
    }
  }
}

extension Workbench {
  /// An SSH configuration for one of the lab's hosts, with other files than the lab's.
  func sshConfiguration(for name: String, knownHosts: String? = nil, identity: String? = nil) throws -> String {
    guard let host = lab.description.host(name) else { throw LabError.missing(name) }
    return """
      Host \(name)
        HostName \(host.address)
        Port \(host.port)
        User \(host.user)
        IdentityFile \(identity ?? lab.description.ssh.identities.ed25519.description)
        IdentitiesOnly yes
        IdentityAgent none
        UserKnownHostsFile \(knownHosts ?? lab.description.ssh.knownHosts.description)
        GlobalKnownHostsFile none

      """
  }
}
