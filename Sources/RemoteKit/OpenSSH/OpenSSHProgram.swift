// SPDX-License-Identifier: Apache-2.0

internal import Subprocess
internal import SystemPackage

/// The system's `ssh`.
enum OpenSSHProgram {
  static func surroundings(_ environment: [String: String]) -> Subprocess.Environment {
    let variables = environment.map { (Subprocess.Environment.Key(rawValue: $0.key), $0.value) }
    return .custom(Dictionary(variables.compactMap { key, value in key.map { ($0, value) } }) { $1 })
  }

  /// Where PATH finds it. Looked up first: to be tried by name costs a process for each directory before the right one.
  static func path(_ environment: [String: String]) async throws -> FilePath {
    try await Executable.name("ssh").resolveExecutablePath(in: surroundings(environment))
  }
}
