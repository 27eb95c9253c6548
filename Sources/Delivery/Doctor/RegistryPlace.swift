// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Jobs
internal import Registry

/// The registry that is looked at, and where in it a push would go.
struct RegistryPlace: Sendable {
  let client: RegistryClient
  /// `nil` where no owner is known: then nothing is asked about pushes.
  let repository: RepositoryName?
  /// The host through which alone it is reached; then this machine cannot ask it.
  let via: String?
  private let credentials: CredentialStore

  var address: RegistryAddress { client.address }
  /// As references begin.
  var name: String { client.address.description }
  /// Where a host connects to.
  var endpoint: (host: String, port: Int) {
    let host = address.host == "docker.io" ? "registry-1.docker.io" : address.host
    return (host, address.port ?? (address.isPlain ? 80 : 443))
  }

  init(_ registry: ProjectRegistry, repository: String?, context: RunContext) throws {
    via = registry.via
    do {
      // Nobody is asked for a password: that one is missing is what is to be found out.
      credentials = CredentialStore(environment: context.environment)
      client = try RegistryClient(
        address: RegistryAddress(registry.address, insecure: registry.isInsecure), caFile: registry.caFile,
        credentials: credentials, deadline: .seconds(15), connectTimeout: .seconds(5))
      self.repository = try repository.map { try RepositoryName($0) }
    } catch {
      throw DeliveryError(error, host: nil)
    }
  }

  /// What a command on a host may log in with.
  func entries() async -> [CredentialEntry] {
    guard let found = try? await credentials.credentials(for: address) else { return [] }
    return [CredentialEntry(registry: name, username: found.username, password: found.secret)]
  }
}
