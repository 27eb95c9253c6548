// SPDX-License-Identifier: Apache-2.0

/// Where connections are made to, apart from the names that they are made under: names, certificates and `Host`
/// headers stay the registry's own, while the bytes go through a tunnel.
public enum RegistryRoute: Sendable {
  /// To where the name resolves.
  case direct
  /// Connections to the registry itself go to this address; others, for tokens or for blobs kept elsewhere, directly.
  case through(host: String, port: Int)
  /// Asked once for every request, with the host and port that it is for; `nil` connects directly.
  case asking(@Sendable (_ host: String, _ port: Int) async throws -> (host: String, port: Int)?)
}
