// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Wire

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif
#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What stands around a job's commands for as long as they run: secrets on tmpfs, a Docker configuration, and whoever
/// answers its credential helper.
final class StepSurroundings {
  private(set) var secrets: FilePath?
  private(set) var credentials: CredentialServer?
  /// What is added to the commands' environment.
  private(set) var variables: [String: String] = [:]
  private var directories: [FilePath] = []
  private let environment: HostEnvironment

  init(_ environment: HostEnvironment) { self.environment = environment }

  /// Puts each secret into a file of mode 0600.
  func place(_ entries: [SecretEntry], id: String) throws {
    guard !entries.isEmpty else { return }
    let directory = try PassingDirectory.makeInMemory(id, environment)
    directories.append(directory)
    secrets = directory
    for entry in entries {
      guard Self.isFileName(entry.id), let data = Data(base64Encoded: entry.data) else {
        throw ServiceFailure(
          .invalidSpec, "the secret '\(entry.id)' has a name that cannot be a file's, or is not base64")
      }
      try ServiceFailure.wrapping("cannot write the secret \(entry.id)") {
        try SmallFile.create(directory.appending(entry.id), with: Array(data))
      }
    }
  }

  /// Makes a Docker configuration whose helper answers with `entries`, and begins to answer.
  func configureDocker(_ entries: [CredentialEntry], id: String, state: FilePath) throws {
    let directory = try PassingDirectory.make(id, environment)
    directories.append(directory)
    let (docker, programs) = (directory.appending("docker"), directory.appending("bin"))
    let host = DockerConfigurationFile.directory(environment)
    try ServiceFailure.wrapping("cannot write to \(directory)") {
      try PrivateDirectory.create(docker)
      try PrivateDirectory.create(programs)
      // By this process rather than by a path, which a newer agent may tidy away while the job runs.
      try checked(symlink("/proc/\(getpid())/exe", programs.appending(CredentialHelper.program).string))
    }
    try DockerConfigurationDirectory(host: host, state: state).write(to: docker, registries: entries.map(\.registry))
    let socket = directory.appending("socket")
    credentials = try CredentialServer(
      RegistryCredentials(entries: entries, hostConfiguration: host), socket: socket)
    variables["DOCKER_CONFIG"] = docker.string
    variables["PATH"] = "\(programs):\(environment.path)"
    variables[CredentialHelper.socketVariable] = socket.string
  }

  /// Takes all of it away.
  func remove() {
    credentials?.close()
    credentials = nil
    for directory in directories { SmallFile.removeTree(directory) }
    directories = []
  }

  private static func isFileName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 128 && !name.hasPrefix(".")
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
          true
        default: false
        }
      }
  }
}
