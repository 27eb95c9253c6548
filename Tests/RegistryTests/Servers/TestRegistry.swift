// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage

@testable import Registry

/// A real `docker-registry` with TLS from an authority of the test's own and one user.
final class TestRegistry: Sendable {
  let directory: ScratchDirectory
  let port: Int
  let caFile: FilePath
  static let user = "harkon"
  static let password = "cörrect horse: battery"

  /// As files of credentials keep them.
  static var basic: String { Data("\(user):\(password)".utf8).base64EncodedString() }

  var storage: String { directory.path + "/storage" }

  /// Runs a test against a registry, which ends with it.
  static func with(_ body: (TestRegistry) async throws -> Void) async throws {
    let directory = try await configured()
    let process = try start(in: directory)
    do {
      let port = try await port(of: process, in: directory)
      try await body(TestRegistry(directory: directory, port: port))
    } catch {
      await stop(process)
      throw error
    }
    await stop(process)
  }

  private init(directory: ScratchDirectory, port: Int) {
    self.directory = directory
    self.port = port
    caFile = FilePath(directory.path + "/ca.crt")
  }

  private static func configured() async throws -> ScratchDirectory {
    let directory = try ScratchDirectory()
    let path = directory.path
    try await Program.run(
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
      "-keyout", path + "/ca.key", "-out", path + "/ca.crt", "-subj", "/CN=test authority",
      "-addext", "keyUsage=critical,keyCertSign")
    try await Program.run(
      "openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
      "-keyout", path + "/server.key", "-out", path + "/server.csr", "-subj", "/CN=registry")
    try directory.write("server.ext", "subjectAltName=IP:127.0.0.1,DNS:registry.test\n")
    try await Program.run(
      "openssl", "x509", "-req", "-in", path + "/server.csr", "-CA", path + "/ca.crt", "-CAkey", path + "/ca.key",
      "-CAcreateserial", "-days", "2", "-extfile", path + "/server.ext", "-out", path + "/server.crt")
    try directory.write("htpasswd", try await Program.run("htpasswd", "-niB", user, input: password + "\n"))
    try directory.write(
      "config.yml",
      """
      version: 0.1
      log: {level: info, accesslog: {disabled: true}}
      storage: {filesystem: {rootdirectory: "\(path)/storage"}, delete: {enabled: true}}
      http: {addr: "127.0.0.1:0", tls: {certificate: "\(path)/server.crt", key: "\(path)/server.key"}}
      auth: {htpasswd: {realm: test, path: "\(path)/htpasswd"}}
      """)
    return directory
  }

  private static func start(in directory: ScratchDirectory) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["docker-registry", "serve", directory.path + "/config.yml"]
    let log = FileHandle(forWritingAtPath: try directory.write("log", ""))
    process.standardOutput = log
    process.standardError = log
    process.standardInput = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// The port that the kernel chose, from the registry's own word that it listens.
  private static func port(of process: Process, in directory: ScratchDirectory) async throws -> Int {
    let end = ContinuousClock.now + .seconds(30)
    while true {
      let log = try String(contentsOfFile: directory.path + "/log", encoding: .utf8)
      if let match = log.firstMatch(of: /listening on 127\.0\.0\.1:([0-9]+), tls/), let port = Int(match.1) {
        return port
      }
      guard process.isRunning, ContinuousClock.now < end else {
        throw Program.Failure(description: "the registry did not start:\n\(log)")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  private static func stop(_ process: Process) async {
    await withCheckedContinuation { continuation in
      // A handler set on a process that has ended is never called, so the wait is a thread's.
      Thread {
        if process.isRunning { process.terminate() }
        process.waitUntilExit()
        continuation.resume()
      }.start()
    }
  }

  func address(_ host: String = "127.0.0.1") throws -> RegistryAddress { try RegistryAddress("\(host):\(port)") }

  func client(
    password: String = password, trusting: Bool = true, deadline: Duration = .seconds(60)
  ) throws -> RegistryClient {
    try RegistryClient(
      address: address(), caFile: trusting ? caFile : nil,
      credentials: FixedCredentials(Credentials(username: Self.user, secret: password)), deadline: deadline)
  }

  /// Removes the repository's link to a blob, as a damaged or wrongly cleaned registry would have it.
  func forget(_ digest: String, in repository: String) throws {
    try FileManager.default.removeItem(
      atPath: "\(storage)/docker/registry/v2/repositories/\(repository)/_layers/sha256/\(digest.dropFirst(7))/link")
  }

  /// The file that holds a blob's bytes.
  func dataFile(_ digest: String) -> String {
    let hex = digest.dropFirst(7)
    return "\(storage)/docker/registry/v2/blobs/sha256/\(hex.prefix(2))/\(hex)/data"
  }
}
