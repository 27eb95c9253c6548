// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import Subprocess
import SystemPackage

extension Workbench {
  /// What skopeo, which is none of ours, says of an image in this bench's registry.
  func inspect(_ name: String) async throws -> [String: Any] {
    let outcome = try await command(
      "skopeo",
      [
        "inspect", "--tls-verify=false", "--authfile", directory.appending("home/.docker/config.json").string,
        "docker://\(registry.address)/\(owner)/\(name)",
      ])
    guard outcome.status == 0 else { throw LabError.missing("the image \(name): \(outcome.talk)") }
    return try JSONSerialization.jsonObject(with: Data(outcome.out.utf8)) as? [String: Any] ?? [:]
  }

  struct Job: Decodable {
    var id: String
    var state: String
    var title: String
  }

  /// The newest job of this bench on a host, as the program lists it.
  func job(on host: String) async throws -> Job {
    let outcome = try await tool("jobs", "--host", host, "--json")
    let jobs = outcome.out.split(separator: "\n").compactMap {
      try? JSONDecoder().decode(Job.self, from: Data($0.utf8))
    }
    guard let job = jobs.first(where: { $0.title.contains("/\(owner)/") }) else {
      throw LabError.missing("a job of \(owner): \(outcome.out) \(outcome.talk)")
    }
    return job
  }

  /// Starts the program and kills it (SIGKILL) when `condition` returns.
  func killTool(_ arguments: String..., when condition: @Sendable () async throws -> Void) async throws {
    let arguments = arguments + ["--ssh-config", lab.description.ssh.config.description]
    _ = try await run(
      .path(Self.program), arguments: Arguments(arguments), environment: .custom(subprocessEnvironment),
      workingDirectory: workspace, input: .none, output: .discarded, error: .discarded
    ) { execution in
      try await condition()
      try execution.send(signal: .kill)
    }
  }

  /// Runs the program as ``tool(_:environment:)`` does with `--json`, and sends it a signal when it tells of `event`.
  func tool(interruptedBy signal: Signal, after event: String, _ arguments: String...) async throws -> Outcome {
    let arguments = arguments + ["--json", "--ssh-config", lab.description.ssh.config.description]
    let outcome = try await run(
      .path(Self.program), arguments: Arguments(arguments), environment: .custom(subprocessEnvironment),
      workingDirectory: workspace, input: .none, output: .sequence, error: .discarded
    ) { execution in
      var out = ""
      for try await line in execution.standardOutput.strings() {
        out += line + "\n"
        if line.contains(#""event":"\#(event)""#) { try execution.send(signal: signal) }
      }
      return out
    }
    let status: Int32 = if case .exited(let code) = outcome.terminationStatus { code } else { -1 }
    return Outcome(status: status, out: outcome.closureResult, talk: "")
  }

  /// Where the laptop's user keeps the host files.
  var hostFiles: String { directory.appending("home/.config/remote-build/hosts").string }

  var subprocessEnvironment: [Environment.Key: String] {
    Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) })
  }
}
