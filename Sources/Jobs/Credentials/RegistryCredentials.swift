// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// Who a job is at which registry: what its client sent, and for other registries what the host's own Docker
/// configuration holds.
struct RegistryCredentials {
  var entries: [CredentialEntry]
  /// The host's own configuration directory; read at each question, so that nothing of it is kept.
  var hostConfiguration: FilePath

  /// What Docker's credential helper protocol answers a `get` with.
  struct Answer: Codable, Equatable {
    var serverURL: String
    var username: String
    var secret: String

    enum CodingKeys: String, CodingKey {
      case serverURL = "ServerURL"
      case username = "Username"
      case secret = "Secret"
    }
  }

  /// `server` is a registry as Docker writes it: `gitea.example.com`, `https://index.docker.io/v1/`.
  func answer(for server: String) -> Answer? {
    let name = Self.hostName(server)
    if let entry = entries.first(where: { Self.hostName($0.registry) == name }) {
      return Answer(serverURL: server, username: entry.username, secret: entry.password)
    }
    guard let host = try? DockerConfigurationFile.read(hostConfiguration) else { return nil }
    return host.logins.first { Self.hostName($0.registry) == name }
      .map { Answer(serverURL: server, username: $0.username, secret: $0.password) }
  }

  /// Every server and user that it can answer for.
  func list() -> [String: String] {
    let host = (try? DockerConfigurationFile.read(hostConfiguration))?.logins ?? []
    return (host + entries).reduce(into: [:]) { $0[Self.key($1.registry)] = $1.username }
  }

  /// The name under which Docker's configuration knows a registry.
  static func key(_ registry: String) -> String {
    hostName(registry) == "docker.io" ? "https://index.docker.io/v1/" : registry
  }

  /// Without scheme and path; the Docker Hub's names are one.
  private static func hostName(_ server: String) -> String {
    var rest = server[...]
    for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
    let name = rest.prefix { $0 != "/" }.lowercased()
    return ["index.docker.io", "registry-1.docker.io"].contains(name) ? "docker.io" : name
  }
}
