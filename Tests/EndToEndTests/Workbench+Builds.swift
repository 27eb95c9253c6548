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
        "docker://\(registry.address)/shop/\(name)",
      ])
    guard outcome.status == 0 else { throw LabError.missing("the image \(name): \(outcome.talk)") }
    return try JSONSerialization.jsonObject(with: Data(outcome.out.utf8)) as? [String: Any] ?? [:]
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

  var subprocessEnvironment: [Environment.Key: String] {
    Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) })
  }
}
