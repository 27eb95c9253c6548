// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import SystemPackage
import Testing

@Suite struct SecretTests {
  /// The registry's password and a build secret are looked for in every process of this machine, on the laptop's and the
  /// host's disks, and in the image, while a build step waits and after the run.
  @Test func noSecretIsInAnArgumentAnEnvironmentAFileOrTheImage() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      let gate = try Gate()
      let token = "token-\(UUID().uuidString)"
      try bench.write("../home/token", token)
      try bench.write(
        "remote-build.yaml",
        bench.project("app: {dockerfile: Dockerfile, secrets: {token: {file: ~/token}}}"))
      try bench.write(
        "Dockerfile",
        """
        FROM python:3.12-slim
        RUN --mount=type=secret,id=token test "$(wc -c </run/secrets/token)" -eq \(token.utf8.count)
        RUN python3 -c "import socket; socket.create_connection(('127.0.0.1', \(gate.port))).recv(1)"
        """)
      try bench.write(".dockerignore", "*\n")
      let password = try #require(bench.registry.password)
      let login = Data("\(bench.registry.user ?? ""):\(password)".utf8).base64EncodedString()
      let secrets = [password, login, token, Data(token.utf8).base64EncodedString()]

      async let running = bench.tool("app", "--host", "lab-1", "--verbose")
      try await gate.connected()
      var found = try Trace.inProcesses(secrets)
      found += try await bench.tracesOnDisk(secrets, duringTheRun: true)
      gate.open()
      let run = try await running
      #expect(run.status == 0, "\(run.talk)")
      found += try Trace.inProcesses(secrets)
      found += try await bench.tracesOnDisk(secrets, duringTheRun: false)
      for secret in secrets where (run.talk + run.out).contains(secret) { found.append("the program's own output") }
      let engine = try #require(bench.lab.description.host("lab-1")?.docker)
      let history = try await bench.command(
        "docker",
        [
          "-H", engine, "history", "--no-trunc", "--format", "{{.CreatedBy}}",
          "\(bench.registry.address)/\(bench.owner)/app:v1.0.1",
        ])
      #expect(history.status == 0 && history.out.contains("recv"))
      for secret in secrets where history.out.contains(secret) { found.append("the image's history") }
      #expect(found.isEmpty)
    }
  }

  @Test func thisTestWouldFindASecret() async throws {
    let secret = "planted-\(UUID().uuidString)"
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.write("left", secret)
      let gate = try Gate()
      async let waiting = bench.command(
        "python3",
        ["-c", "import socket; socket.create_connection(('127.0.0.1', \(gate.port))).recv(1)", secret],
        ["PLANTED": secret])
      try await gate.connected()
      let found = try Trace.inProcesses([secret])
      gate.open()
      _ = try await waiting
      #expect(found.contains { $0.hasSuffix("cmdline") } && found.contains { $0.hasSuffix("environ") })
      #expect(try Trace.inFiles([secret], below: bench.workspace.string).count == 1)
    }
  }
}

/// Looks for bytes where they must not be.
enum Trace {
  /// The arguments and environments of all processes that this machine has now. The lab's own servers hold the
  /// registry's password in files, not here.
  static func inProcesses(_ secrets: [String]) throws -> [String] {
    let needles = secrets.map { Data($0.utf8) }
    var found: [String] = []
    for process in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int(process) != nil {
      for file in ["cmdline", "environ"] {
        // A process may end while it is looked at.
        guard let bytes = try? Data(contentsOf: URL(filePath: "/proc/\(process)/\(file)")) else { continue }
        if needles.contains(where: { bytes.range(of: $0) != nil }) { found.append("/proc/\(process)/\(file)") }
      }
    }
    return found
  }

  /// Every regular file below a directory, symbolic links not followed.
  static func inFiles(_ secrets: [String], below directory: String) throws -> [String] {
    let needles = secrets.map { Data($0.utf8) }
    var found: [String] = []
    guard let files = FileManager.default.enumerator(atPath: directory) else { return [] }
    while let name = files.nextObject() as? String {
      guard files.fileAttributes?[.type] as? FileAttributeType == .typeRegular else { continue }
      guard let bytes = try? Data(contentsOf: URL(filePath: "\(directory)/\(name)"), options: .mappedIfSafe) else {
        continue
      }
      if needles.contains(where: { bytes.range(of: $0) != nil }) { found.append("\(directory)/\(name)") }
    }
    return found
  }
}

extension Workbench {
  /// The laptop's home but for the files in which the user keeps the secrets, and the host's home and temporary
  /// directories. While a build runs, its secrets stand in one directory of mode 0700 on tmpfs; that is the one
  /// exception, and it ends with the run.
  func tracesOnDisk(_ secrets: [String], duringTheRun: Bool) async throws -> [String] {
    guard let host = lab.description.host("lab-1"), let root = host.rootSeenFromOutside?.description else {
      throw LabError.missing("the host's files")
    }
    let own = [".docker/config.json", "token"].map { directory.appending("home").appending($0).string }
    var found = try Trace.inFiles(secrets, below: directory.appending("home").string).filter { !own.contains($0) }
    found += try Trace.inFiles(secrets, below: workspace.string)
    for place in ["home", "tmp"] { found += try Trace.inFiles(secrets, below: "\(root)/\(place)") }
    let onTmpfs = try ["run", "dev/shm"].flatMap { try Trace.inFiles(secrets, below: "\(root)/\($0)") }
    return found + (duringTheRun ? onTmpfs.filter { !isPrivate($0) } : onTmpfs)
  }

  private func isPrivate(_ file: String) -> Bool {
    let directory = FilePath(file).removingLastComponent().string
    let attributes = try? FileManager.default.attributesOfItem(atPath: directory)
    return (attributes?[.posixPermissions] as? Int) == 0o700
  }
}
