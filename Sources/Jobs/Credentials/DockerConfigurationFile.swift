// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Wire

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// The host's own `config.json` of Docker's command line.
struct DockerConfigurationFile {
  var fields: [String: JSONValue]

  /// Where the host's own configuration lies: `$DOCKER_CONFIG`, or `~/.docker`.
  static func directory(_ environment: HostEnvironment) -> FilePath {
    environment["DOCKER_CONFIG"].map { FilePath($0) } ?? FilePath(environment.home).appending(".docker")
  }

  /// Reads `config.json` in `directory`; empty when there is none. Throws ``JobFailure/badDockerConfig``.
  static func read(_ directory: FilePath) throws -> DockerConfigurationFile {
    let path = directory.appending("config.json")
    do {
      let bytes = try SmallFile.read(path, limit: 4 << 20)
      guard bytes.contains(where: { $0 > 32 }) else { return DockerConfigurationFile(fields: [:]) }
      return DockerConfigurationFile(fields: try FrameConnection.decode([String: JSONValue].self, bytes))
    } catch Errno.noSuchFileOrDirectory, Errno.notDirectory {
      return DockerConfigurationFile(fields: [:])
    } catch {
      throw ServiceFailure(.badDockerConfig, "\(path) cannot be read: \(error)")
    }
  }

  /// The logins that stand in the file itself. Where a store of credentials is configured, Docker ignores them.
  var logins: [CredentialEntry] {
    guard fields["credsStore"]?.text?.isEmpty ?? true else { return [] }
    return (fields["auths"]?.object ?? [:]).sorted { $0.key < $1.key }.compactMap { registry, value in
      let login = value.object ?? [:]
      if let token = login["identitytoken"]?.text, !token.isEmpty {
        return CredentialEntry(registry: registry, username: "<token>", password: token)
      }
      guard let auth = login["auth"]?.text, let bytes = Data(base64Encoded: auth) else { return nil }
      let pair = String(decoding: bytes, as: UTF8.self)
      guard let colon = pair.firstIndex(of: ":") else { return nil }
      return CredentialEntry(
        registry: registry, username: String(pair[..<colon]), password: String(pair[pair.index(after: colon)...]))
    }
  }

  /// The same with our helper for `registries` and for the file's own logins, which are left out.
  func answering(for registries: [String]) -> DockerConfigurationFile {
    var fields = fields
    var helpers = fields["credHelpers"]?.object ?? [:]
    for login in logins where helpers[login.registry] == nil {
      helpers[login.registry] = .text(CredentialHelper.suffix)
    }
    for registry in registries { helpers[RegistryCredentials.key(registry)] = .text(CredentialHelper.suffix) }
    fields["credHelpers"] = .object(helpers)
    fields["auths"] = nil
    return DockerConfigurationFile(fields: fields)
  }
}
