// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A `DOCKER_CONFIG` for the steps of one job: the host's own, but with our credential helper in it and no logins.
///
/// BuildKit knows the sender of a context by `.buildNodeID` in there, and has the whole context sent anew for an
/// unknown one. So that file is the same for every job: it lies in the state directory.
struct DockerConfigurationDirectory {
  /// The host's own directory.
  var host: FilePath
  /// The state directory, where what must stay the same is kept.
  var state: FilePath

  private static let nodeIdentity = ".buildNodeID"

  /// Fills `directory`, which is there, empty and private.
  func write(to directory: FilePath, registries: [String]) throws {
    let configuration = try DockerConfigurationFile.read(host).answering(for: registries)
    try ServiceFailure.wrapping("cannot write Docker's configuration to \(directory)") {
      try SmallFile.create(directory.appending("config.json"), with: FrameConnection.json(configuration.fields))
      let kept = state.appending("docker")
      try PrivateDirectory.ensure(kept.appending("buildx"))
      try keepNodeIdentity(kept)
      try link(kept.appending(Self.nodeIdentity), in: directory)
      // Contexts, plugins, certificates, builders: whatever the host's Docker uses goes on being used.
      let own: Set = ["config.json", Self.nodeIdentity, ".token_seed", ".token_seed.lock"]
      let names = (try? SmallFile.names(in: host)) ?? []
      for name in names where !own.contains(name) { try link(host.appending(name), in: directory) }
      if !names.contains("buildx") { try link(kept.appending("buildx"), in: directory) }
    }
  }

  /// Takes over the identity that the host's Docker has, else makes one: 32 random bytes in hexadecimal.
  private func keepNodeIdentity(_ directory: FilePath) throws {
    let path = directory.appending(Self.nodeIdentity)
    guard !SmallFile.exists(path) else { return }
    var identity = (try? SmallFile.read(host.appending(Self.nodeIdentity), limit: 256)) ?? []
    if identity.isEmpty {
      let digits = Array("0123456789abcdef".utf8)
      identity = (0..<64).map { _ in digits.randomElement()! }
    }
    do {
      try SmallFile.create(path, with: identity)
    } catch Errno.fileExists {
      return  // Another job was quicker.
    }
  }

  private func link(_ target: FilePath, in directory: FilePath) throws {
    guard let name = target.lastComponent else { return }
    try checked(symlink(target.string, directory.appending(name).string))
  }
}
