// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Foundation
internal import SystemPackage
internal import Vocabulary

/// An agent that lies ready here to be installed on hosts of one architecture.
struct AgentFile: Sendable {
  var path: FilePath
  var digest: Digest
  var bytes: [UInt8]

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

  /// Reads and hashes the agents in `directory`, by architecture, away from the tasks' own threads.
  static func load(from directory: FilePath) async -> [String: AgentFile] {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        var files: [String: AgentFile] = [:]
        for architecture in architectures {
          guard let path = path(in: directory, architecture: architecture),
            let data = FileManager.default.contents(atPath: path.string)
          else { continue }
          let bytes = Array(data)
          files[architecture] = AgentFile(path: path, digest: .sha256(of: bytes), bytes: bytes)
        }
        continuation.resume(returning: files)
      }
    }
  }
}
