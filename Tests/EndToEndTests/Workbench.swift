// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import Subprocess
import SystemPackage

/// A laptop for one test: a home directory, a workspace and the built program, beside a lab. Everything is in one
/// temporary directory, which goes with the test.
struct Workbench: Sendable {
  let lab: Lab
  let directory: FilePath
  let workspace: FilePath
  let registry: LabRegistry
  /// What the program is told about the world; without the registry's password.
  var environment: [String: String]

  struct Outcome: Sendable {
    var status: Int32
    var out: String
    var talk: String

    /// The events of `--json`, of one name.
    func events(_ name: String) -> [[String: Any]] {
      out.split(separator: "\n").compactMap { line in
        let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return object?["event"] as? String == name ? object : nil
      }
    }
  }

  /// The owner of this bench's images: tests share registries, and a version can be built once.
  var owner: String { workspace.lastComponent?.string ?? "shop" }

  /// The directory of the package's sources.
  static let package = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()

  /// The program that was built with these tests: it lies beside their bundle.
  static let program = FilePath(ProcessInfo.processInfo.arguments[0]).removingLastComponent().appending("remote-build")

  /// Makes a laptop whose user has logged in to `kind`, hands it to `body`, and removes it.
  static func with<Value>(
    _ lab: Lab, registry kind: LabRegistry.Kind = .htpasswd, password: String? = nil,
    _ body: (Workbench) async throws -> Value
  ) async throws -> Value {
    let directory = FilePath(NSTemporaryDirectory()).appending("remote-build-e2e-\(UUID().uuidString)")
    let files = FileManager.default
    try files.createDirectory(
      atPath: directory.string, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? files.removeItem(atPath: directory.string) }
    guard let registry = lab.description.registry(kind) else { throw LabError.missing("a registry \(kind)") }
    let home = directory.appending("home")
    let bench = Workbench(
      lab: lab, directory: directory,
      workspace: directory.appending("shop-\(UUID().uuidString.prefix(8).lowercased())"), registry: registry,
      environment: [
        "HOME": home.string, "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
        "DOCKER_CONFIG": home.appending(".docker").string, "TERM": "dumb", "LANG": "C.UTF-8",
        "REMOTE_BUILD_AGENTS": package.appending(".build-agent/agents").string,
        "GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@example.com", "GIT_COMMITTER_NAME": "Test",
        "GIT_COMMITTER_EMAIL": "test@example.com",
      ])
    let login = Data("\(registry.user ?? ""):\(password ?? registry.password ?? "")".utf8).base64EncodedString()
    try bench.write("../home/.docker/config.json", #"{"auths": {"\#(registry.address)": {"auth": "\#(login)"}}}"#)
    for host in lab.description.hosts { try bench.writeHost(host) }
    return try await body(bench)
  }

  func writeHost(_ host: LabHost, extra: String = "") throws {
    let network = host.buildNetwork.map { "build-network: \($0)\n" } ?? ""
    try write(
      "../home/.config/remote-build/hosts/\(host.name).yaml",
      "address: \(host.name)\nroles: [build]\n\(network)\(extra)")
  }

  /// Writes a file of the workspace, and the directories above it.
  func write(_ path: String, _ text: String) throws {
    let file = workspace.pushing(FilePath(path)).lexicallyNormalized()
    try FileManager.default.createDirectory(
      atPath: file.removingLastComponent().string, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(filePath: file.string))
  }

  /// The project file of a workspace with the images given in YAML, which pushes to this bench's registry.
  func project(_ images: String, version: String = "v1.0.1") -> String {
    """
    registry: {address: "\(registry.address)", ca-file: \(lab.description.authority)}
    owner: \(owner)
    version: \(version)
    images:
    \(images.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))

    """
  }

  /// A workspace with one small image, `app`, on the stand-in for python:3.12-slim.
  func writeSmallWorkspace(dockerfile: String? = nil, version: String = "v1.0.1") throws {
    try write("remote-build.yaml", project("app: {dockerfile: Dockerfile}", version: version))
    try write("Dockerfile", dockerfile ?? "FROM python:3.12-slim\nRUN echo built > /built\nCOPY app.py lib /app/\n")
    try write(".dockerignore", "*\n!app.py\n!lib\n")
    try write("app.py", "print('one of \(owner)')\n")
    try write("lib/words.txt", "one\ntwo\n")
  }

  /// Makes the workspace a Git repository with everything committed.
  func commit(_ message: String) async throws {
    for arguments in [["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", message]] {
      let outcome = try await command("git", ["-C", workspace.string] + arguments)
      guard outcome.status == 0 else { throw LabError.missing("git: \(outcome.talk)") }
    }
  }

  /// Runs the program in the workspace, with the lab's SSH configuration, without a terminal.
  func tool(_ arguments: String..., environment extra: [String: String] = [:]) async throws -> Outcome {
    try await command(Self.program.string, arguments + ["--ssh-config", lab.description.ssh.config.description], extra)
  }

  /// Runs the program as ``tool(_:environment:)`` does, but with another SSH configuration.
  func tool(sshConfiguration: String, _ arguments: String...) async throws -> Outcome {
    try write("../ssh_config", sshConfiguration)
    return try await command(
      Self.program.string, arguments + ["--ssh-config", directory.appending("ssh_config").string], [:])
  }

  func command(_ program: String, _ arguments: [String], _ extra: [String: String] = [:]) async throws -> Outcome {
    let result = try await run(
      program.hasPrefix("/") ? .path(FilePath(program)) : .name(program), arguments: Arguments(arguments),
      environment: Environment.custom(
        Dictionary(
          uniqueKeysWithValues: environment.merging(extra) { $1 }.map {
            (Environment.Key(stringLiteral: $0.key), $0.value)
          })),
      workingDirectory: workspace, output: .string(limit: 16 << 20), error: .string(limit: 16 << 20))
    let status: Int32 =
      switch result.terminationStatus {
      case .exited(let code): code
      case .signaled(let signal): -signal
      }
    return Outcome(status: status, out: result.standardOutput, talk: result.standardError)
  }
}

extension LabError {
  static func missing(_ what: String) -> LabError { LabError(code: .command, description: "the lab lacks \(what)") }
}
