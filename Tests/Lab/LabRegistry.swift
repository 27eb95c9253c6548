// SPDX-License-Identifier: Apache-2.0

/// A registry of the lab.
public struct LabRegistry: Sendable, Decodable {
  public enum Kind: String, Sendable, Decodable {
    /// TLS and Basic authentication.
    case htpasswd
    /// TLS and Bearer authentication, with the lab's token server.
    case token
    /// The same registry as `htpasswd` behind a server that drops manifests and says that it took them.
    case liar
    /// Plain HTTP, read-only, for names of Docker Hub; the lab's engines use it by themselves.
    case mirror
  }

  public let kind: Kind
  /// `127.0.0.1:PORT`, which is also the registry's name in references.
  public let address: String
  public let port: UInt16
  public let user: String?
  public let password: String?
  /// The certificate of the authority that signed this registry's.
  public let certificate: LabPath?
  /// The registry's log, with a line for each request.
  public let log: LabPath?
  public let storage: LabPath
}
