// SPDX-License-Identifier: Apache-2.0

import Foundation
import Registry

/// A real `docker-registry` in plain HTTP on loopback, without authentication, for one test.
final class PlainRegistry: Sendable {
  struct Failure: Error, CustomStringConvertible { var description: String }

  let directory: String
  let port: Int

  static func with<Value>(_ body: (PlainRegistry) async throws -> Value) async throws -> Value {
    let directory = NSTemporaryDirectory() + "remote-build-registry-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let configuration = """
      version: 0.1
      log: {level: info, accesslog: {disabled: true}}
      storage: {filesystem: {rootdirectory: "\(directory)/storage"}, delete: {enabled: true}}
      http: {addr: "127.0.0.1:0"}
      """
    try Data(configuration.utf8).write(to: URL(filePath: "\(directory)/config.yml"))
    _ = FileManager.default.createFile(atPath: "\(directory)/log", contents: nil)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["docker-registry", "serve", "\(directory)/config.yml"]
    let log = FileHandle(forWritingAtPath: "\(directory)/log")
    process.standardOutput = log
    process.standardError = log
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let result: Result<Value, any Error>
    do {
      result = .success(try await body(PlainRegistry(directory, try await port(of: process, directory))))
    } catch {
      result = .failure(error)
    }
    await stop(process)
    return try result.get()
  }

  private init(_ directory: String, _ port: Int) {
    self.directory = directory
    self.port = port
  }

  /// The port that the kernel chose, from the registry's own word that it listens.
  private static func port(of process: Process, _ directory: String) async throws -> Int {
    let end = ContinuousClock.now + .seconds(60)
    while true {
      let log = try String(contentsOfFile: "\(directory)/log", encoding: .utf8)
      if let match = log.firstMatch(of: /listening on 127\.0\.0\.1:([0-9]+)/), let port = Int(match.1) { return port }
      guard process.isRunning, ContinuousClock.now < end else {
        throw Failure(description: "the registry did not start:\n\(log)")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  private static func stop(_ process: Process) async {
    await withCheckedContinuation { continuation in
      Thread {
        if process.isRunning { process.terminate() }
        process.waitUntilExit()
        continuation.resume()
      }.start()
    }
  }

  /// Takes a blob away from a repository, as a registry that was cleaned wrongly would have it.
  func forget(_ digest: String, in repository: String) throws {
    try FileManager.default.removeItem(
      atPath: "\(directory)/storage/docker/registry/v2/repositories/\(repository)/_layers/sha256/\(digest.dropFirst(7))"
    )
  }
}
