// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import SystemPackage
import Testing

/// The scripts of `docs/scripting.md`, as they stand there.
@Suite struct ScriptingTests {
  /// Writes the document's scripts into the bench, by the names in their second lines.
  private func write(_ bench: Workbench) throws -> [String: String] {
    let text = try String(contentsOfFile: Workbench.package.appending("docs/scripting.md").string, encoding: .utf8)
    var scripts: [String: String] = [:]
    for block in text.components(separatedBy: "```sh\n").dropFirst() {
      let script = block.components(separatedBy: "```")[0]
      let name = try #require(script.split(separator: "\n")[1].dropFirst(2).split(separator: ":").first)
      let path = bench.directory.appending("scripts/\(name)").string
      try bench.write("../scripts/\(name)", script)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
      scripts[String(name)] = path
    }
    // The program as people call it: a name on PATH, with the lab's SSH configuration behind it.
    try bench.write(
      "../bin/remote-build",
      "#!/bin/sh\nexec '\(Workbench.program)' \"$@\" --ssh-config '\(bench.lab.description.ssh.config)'\n")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: bench.directory.appending("bin/remote-build").string)
    return scripts
  }

  @Test func theScriptsDoWhatTheySay() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeChannelWorkspace()
      try await bench.commit("first")
      let scripts = try write(bench)
      #expect(scripts.keys.sorted() == ["guard", "nightly", "watch-releases"])
      let path = "\(bench.directory.appending("bin")):\(bench.environment["PATH"] ?? "")"
      func script(_ name: String, _ arguments: String...) async throws -> Workbench.Outcome {
        try await bench.command(try #require(scripts[name]), arguments, ["PATH": path])
      }
      for version in ["v1.0.1", "v1.0.2"] {
        try bench.write("app.py", "print('\(version) by night, \(bench.owner)')\n")
        try await bench.commit(version)
        let night = try await script("nightly", "app", "lab-1", version)
        #expect(night.status == 0, "\(night.talk)")
        #expect(night.out == "app \(version) is on its channel\n")
      }
      let failed = try await script("nightly", "app", "dead", "v1.0.3")
      #expect(failed.status == 69, "\(failed.talk)")

      let good = try await script("watch-releases", "app")
      #expect(good.status == 0 && good.out.isEmpty, "\(good.talk) \(good.out)")
      let healthy = try await script("guard", "app", "true")
      #expect(healthy.status == 0 && healthy.out.isEmpty, "\(healthy.talk)")
      let ill = try await script("guard", "app", "false")
      #expect(ill.status == 0, "\(ill.talk)")
      #expect(ill.events("moved").count == 1)
      #expect(try await bench.skopeoDigest("app:stable") == bench.skopeoDigest("app:v1.0.1"))
      #expect(try await script("guard", "app", "false").status == 74)

      let layers = try #require(try await bench.inspect("app:v1.0.2")["Layers"] as? [String])
      let link = "docker/registry/v2/repositories/\(bench.owner)/app/_layers/sha256/"
      let layer = try #require(layers.last)
      try FileManager.default.removeItem(
        atPath: "\(bench.registry.storage)/\(link)\(layer.dropFirst(7))")
      let broken = try await script("watch-releases", "app")
      #expect(broken.status == 1 && broken.out.contains(layer), "\(broken.talk) \(broken.out)")
    }
  }
}
