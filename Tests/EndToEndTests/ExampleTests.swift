// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import SystemPackage
import Testing

/// The example workspace, whole: a base image and a service on it, as the README's reader builds them.
@Suite struct ExampleTests {
  @Test func aBaseAndAServiceAreBuiltAndALineIsALayer() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try FileManager.default.copyItem(
        atPath: Workbench.package.appending("Examples/ai-tax-agent").string, toPath: bench.workspace.string)
      try await bench.commit("first")
      let runtime = try await bench.example("base-runtime")
      #expect(runtime.status == 0, "\(runtime.talk) \(runtime.out.suffix(4000))")
      let digest = try #require(runtime.events("verified").first?["digest"] as? String)

      let again = try await bench.example("base-runtime")
      #expect(again.status == 0, "\(again.talk)")
      #expect(again.events("synced").first?["contentBytes"] as? Int == 0)
      #expect(again.events("started").isEmpty && again.events("standing").count == 1)
      #expect(again.events("verified").first?["digest"] as? String == digest)

      let next = try await bench.example("base-runtime", "--version", "v1.0.2")
      #expect(next.status == 0, "\(next.talk)")
      #expect(next.events("pushed").first?["layersSent"] as? Int == 0)

      let forms = try await bench.example("svc-forms")
      #expect(forms.status == 0, "\(forms.talk) \(forms.out.suffix(4000))")
      #expect(try await bench.answersHealthz(forms))

      let main = bench.workspace.appending("apps/svc_forms/main.py").string
      let text = try String(contentsOfFile: main, encoding: .utf8)
      try bench.write("apps/svc_forms/main.py", text + "\n# one more line\n")
      let line = try await bench.example("svc-forms")
      #expect(line.status == 0, "\(line.talk)")
      #expect(line.events("synced").first?["filesChanged"] as? Int == 1)
      #expect(line.events("pushed").first?["layersSent"] as? Int == 1)
      #expect(line.events("pushed").first?["bytesSent"] as? Int ?? .max < 10_000)
      let run = line.events("step").filter { $0["state"] as? String == "done" }.compactMap { $0["name"] as? String }
      #expect(run.filter { $0.contains("RUN") }.isEmpty)
      #expect(run.contains { $0.contains("COPY") })

      _ = try await bench.example("svc-forms", "--version", "v1.0.1")
      try bench.write("apps/svc_forms/main.py", text + "\n# another line\n")
      let refused = try await bench.example("svc-forms", "--version", "v1.0.1")
      #expect(refused.status == 74)
      #expect(refused.events("started").isEmpty)
    }
  }
}

extension Workbench {
  /// Builds an image of the example, with what this machine needs to reach its package index.
  func example(_ image: String, _ more: String...) async throws -> Outcome {
    let machine = lab.description.machine
    return try await command(
      Self.program.string,
      [
        image, "--host", "lab-1", "--json", "--registry", registry.address, "--owner", owner,
        "--ca-file", lab.description.authority.description, "--secret", "pip-conf=\(machine.pipConf)",
        "--secret", "ca-bundle=\(machine.certificates)", "--ssh-config", lab.description.ssh.config.description,
      ] + more)
  }

  /// Runs the image that was verified, by its digest, on the host's engine, and asks it from inside.
  func answersHealthz(_ outcome: Outcome) async throws -> Bool {
    guard let engine = lab.description.host("lab-1")?.docker,
      let digest = outcome.events("verified").first?["digest"] as? String
    else { throw LabError.missing("a verified image") }
    let name = "healthz-\(UUID().uuidString.lowercased())"
    let run = try await command(
      "docker",
      [
        "-H", engine, "run", "--detach", "--network=none", "--name", name,
        "\(registry.address)/\(owner)/svc-forms@\(digest)",
      ])
    guard run.status == 0 else { throw LabError.missing("a container: \(run.talk)") }
    let probe = """
      import sys, time, urllib.request
      for attempt in range(120):
          try:
              sys.exit(urllib.request.urlopen('http://127.0.0.1:8000/healthz').status != 200)
          except OSError:
              time.sleep(0.5)
      sys.exit(1)
      """
    let answer = try await command("docker", ["-H", engine, "exec", name, "python", "-c", probe])
    let removed = try await command("docker", ["-H", engine, "rm", "--force", name])
    return answer.status == 0 && removed.status == 0
  }
}
