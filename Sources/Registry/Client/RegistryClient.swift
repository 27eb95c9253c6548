// SPDX-License-Identifier: Apache-2.0

public import SystemPackage

/// Speaks the OCI distribution specification with one registry.
///
/// Each question to the registry has one deadline for all that it takes: tokens, redirects, retries. It starts anew when
/// the registry asks for credentials and they have been found, since a person may have to type them. Requests that may
/// be sent twice are sent again when their connection breaks or the registry is failing or busy.
/// All calls throw ``RegistryError``, `CancellationError`, or what the credentials' source or the route threw.
public struct RegistryClient: Sendable {
  public let address: RegistryAddress
  /// For each question to the registry.
  public let deadline: Duration
  let transport: HTTPTransport
  let authenticator: Authenticator

  /// - Parameters:
  ///   - caFile: PEM certificates of the authorities to trust for this registry instead of the system's.
  ///   - credentials: Asked when the registry first wants them.
  ///   - route: Where connections go; a tunnel's near end, for instance.
  ///   - retryPause: Before a request is sent again; it doubles with each time.
  /// - Throws: ``RegistryError`` when libcurl cannot be started.
  public init(
    address: RegistryAddress, caFile: FilePath? = nil, credentials: any CredentialSource,
    route: RegistryRoute = .direct, deadline: Duration = .seconds(60), connectTimeout: Duration = .seconds(10),
    retryPause: Duration = .milliseconds(200)
  ) throws(RegistryError) {
    self.address = address
    self.deadline = deadline
    transport = try HTTPTransport(
      registry: address.endpoint, caFile: caFile?.string, route: route, connectTimeout: connectTimeout,
      retryPause: retryPause)
    authenticator = Authenticator(registry: address, source: credentials, transport: transport)
  }

  /// Asks whether a registry of version 2 answers here, and whether the credentials are good.
  ///
  /// A registry may let anyone pass here and still refuse what follows.
  public func check() async throws {
    let response = try await exchange(.get, "/v2/", scope: nil)
    guard response.isSuccess else {
      throw await failure(response, "ask for the API", notFound: "there is no registry at this address")
    }
  }
}
