// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Foundation
internal import SystemPackage
internal import Vocabulary

/// An agent that lies ready here to be installed on hosts of one architecture.
struct AgentFile: Sendable {
  var path: FilePath
  var digest: Digest
  /// In bytes.
  var size: Int

  static let architectures = ["amd64", "arm64"]

  /// The agent for Linux on `architecture` in `directory`: the file `linux-ARCHITECTURE`, or `remote-build-agent` in a
  /// directory of that name. `nil` where there is none.
  static func path(in directory: FilePath, architecture: String) -> FilePath? {
    let path = directory.appending("linux-\(architecture)")
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path.string, isDirectory: &isDirectory) else {
      return nil
    }
    if !isDirectory.boolValue { return path }
    let inner = path.appending("remote-build-agent")
    return FileManager.default.fileExists(atPath: inner.string) ? inner : nil
  }

  /// The agents in `directory`, by architecture, away from the tasks' own threads. They are read and hashed unless
  /// `memory` knows their digests.
  static func load(from directory: FilePath, memory: DigestMemory?) async -> [String: AgentFile] {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        var files: [String: AgentFile] = [:]
        for architecture in architectures {
          guard let path = path(in: directory, architecture: architecture) else { continue }
          files[architecture] = AgentFile(path, memory)
        }
        continuation.resume(returning: files)
      }
    }
  }

  private init?(_ path: FilePath, _ memory: DigestMemory?) {
    guard let stamp = DigestMemory.Stamp(of: path) else { return nil }
    self.path = path
    if let digest = memory?.digest(of: stamp) {
      (self.digest, size) = (digest, stamp.size)
      return
    }
    guard let bytes = FileManager.default.contents(atPath: path.string) else { return nil }
    (digest, size) = (.sha256(of: bytes), bytes.count)
    if DigestMemory.Stamp(of: path) == stamp { memory?.remember(digest, of: stamp) }
  }

  /// Its bytes, or `nil` where the file is gone or is another one by now.
  func contents() async -> [UInt8]? {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        let bytes = FileManager.default.contents(atPath: path.string).map { Array($0) }
        continuation.resume(returning: bytes.flatMap { Digest.sha256(of: $0) == digest ? $0 : nil })
      }
    }
  }
}
