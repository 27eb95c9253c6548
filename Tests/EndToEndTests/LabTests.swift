// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import Subprocess
import SystemPackage
import Testing

@Suite("The lab") struct LabTests {
  @Test("A host answers, and nothing is left of it afterwards")
  func leavesNothingBehind() async throws {
    let state = try await withLab(LabOptions(registries: .both, engine: .own)) { lab in
      let description = lab.description
      let answer = try await ssh(lab, "lab-1", "echo $HOME && docker version -f '{{.Server.Os}}'")
      #expect(answer.text == "/home/deploy\nlinux\n")
      #expect(description.registry(.htpasswd)?.password?.isEmpty == false)
      #expect(description.registry(.token)?.user == "lab")
      #expect(try processes(naming: description.state.path).isEmpty == false)
      return description.state.path
    }
    #expect(try processes(naming: state).isEmpty)
    #expect(try mounts(below: state).isEmpty)
    #expect(!FileManager.default.fileExists(atPath: state.string))
  }

  @Test("What outlives its SSH session does not outlive the lab")
  func endsDetachedProcesses() async throws {
    let mark = "\(Int.random(in: 1_000_000...9_999_999))"
    try await withLab { lab in
      // The mark is an argument of the shell and of what it becomes: at no moment is it not to be seen.
      let detached = "setsid sh -c 'echo up >ready; exec sleep $0' \(mark) </dev/null >/dev/null 2>&1"
      let started = try await ssh(lab, "lab-1", "mkfifo ready; \(detached) & cat ready")
      #expect(started.text == "up\n")
      #expect(try !processes(naming: FilePath(mark)).isEmpty)
    }
    #expect(try processes(naming: FilePath(mark)).isEmpty)
  }

  @Test("An error in the body ends the lab and comes out")
  func endsAfterAnError() async throws {
    struct Expected: Error {
      let state: FilePath
    }
    let thrown = await #expect(throws: Expected.self) {
      try await withLab { lab in throw Expected(state: lab.description.state.path) }
    }
    let state = try #require(thrown).state
    #expect(try processes(naming: state).isEmpty)
    #expect(!FileManager.default.fileExists(atPath: state.string))
  }

  @Test("A proxy delays, cuts and counts")
  func proxies() async throws {
    try await withLab { lab in
      let proxy = try await lab.proxy(toHost: "lab-1", name: "far")
      let whole = try await ssh(lab, "far", "head -c 100000 /dev/zero | tr '\\0' a")
      #expect(whole.text.utf8.count == 100_000)
      #expect(try await proxy.traffic().down > 100_000)
      try await proxy.cut(after: 50_000, direction: .down)
      let torn = try await ssh(lab, "far", "head -c 100000 /dev/zero | tr '\\0' a")
      #expect(!torn.succeeded)
      #expect(torn.text.utf8.count < 50_000)
      #expect(try await ssh(lab, "far", "echo again").text == "again\n")
      try await proxy.refuse()
      #expect(!(try await ssh(lab, "far", "true").succeeded))
      #expect(try await ssh(lab, "lab-1", "echo direct").text == "direct\n")
    }
  }

  @Test("Tests that ask for equal labs share one")
  func shared() async throws {
    async let one = Lab.shared(LabOptions(registries: .htpasswd))
    async let other = Lab.shared(LabOptions(registries: .htpasswd))
    #expect(try await one.description.process == other.description.process)
    #expect(try await ssh(one, "lab-1", "echo shared").text == "shared\n")
  }

  @Test("Hosts can be small, without Docker, or dead")
  func hostVariants() async throws {
    let hosts: [LabOptions.Host] = [
      .init("bare", docker: false, homeSize: "1m"), .init("dead", dead: true),
    ]
    try await withLab(LabOptions(hosts: hosts)) { lab in
      #expect(try await ssh(lab, "bare", "command -v docker podman buildah || echo none").text == "none\n")
      let full = try await ssh(lab, "bare", "head -c 3000000 /dev/zero > big; stat -c %s big")
      #expect(full.text == "1048576\n")
      #expect(!(try await ssh(lab, "dead", "true").succeeded))
    }
  }

  // MARK: What the tests look at

  private struct Answer {
    let text: String
    let succeeded: Bool
  }

  private func ssh(_ lab: Lab, _ host: String, _ command: String) async throws -> Answer {
    let outcome = try await run(
      .name("ssh"), arguments: ["-n", "-F", lab.description.ssh.config.description, host, command],
      output: .string(limit: 1 << 20), error: .discarded)
    return Answer(text: outcome.standardOutput, succeeded: outcome.terminationStatus.isSuccess)
  }

  private func processes(naming word: FilePath) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int32($0) != nil }.filter { process in
      // One that ends while we look is not there.
      guard let words = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else { return false }
      return String(decoding: words, as: UTF8.self).split(separator: "\0").contains { $0.hasPrefix(word.string) }
    }
  }

  private func mounts(below directory: FilePath) throws -> [String] {
    try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8).split(separator: "\n")
      .filter { $0.contains(directory.string) }.map(String.init)
  }
}
