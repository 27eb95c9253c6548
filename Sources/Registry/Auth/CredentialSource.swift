// SPDX-License-Identifier: Apache-2.0

/// Where credentials come from.
public protocol CredentialSource: Sendable {
  /// - Returns: `nil` where this source knows none for that registry.
  /// - Throws: ``RegistryError`` with code `credentials` where it should know and could not be asked.
  func credentials(for registry: RegistryAddress) async throws -> Credentials?
}

/// No credentials: what a registry lets anyone read.
public struct AnonymousCredentials: CredentialSource {
  public init() {}
  public func credentials(for registry: RegistryAddress) async throws -> Credentials? { nil }
}

/// Credentials at hand, for one registry or for any.
public struct FixedCredentials: CredentialSource {
  private let credentials: Credentials
  private let registry: RegistryAddress?

  public init(_ credentials: Credentials, for registry: RegistryAddress? = nil) {
    self.credentials = credentials
    self.registry = registry
  }

  public func credentials(for registry: RegistryAddress) async throws -> Credentials? {
    self.registry == nil || self.registry == registry ? credentials : nil
  }
}

/// `REMOTE_BUILD_REGISTRY_USER` and `REMOTE_BUILD_REGISTRY_PASSWORD`, for the one registry that a run speaks to.
public struct EnvironmentCredentials: CredentialSource {
  static let userVariable = "REMOTE_BUILD_REGISTRY_USER"
  static let passwordVariable = "REMOTE_BUILD_REGISTRY_PASSWORD"

  private let environment: [String: String]

  public init(_ environment: [String: String]) { self.environment = environment }

  public func credentials(for registry: RegistryAddress) async throws -> Credentials? {
    let user = environment[Self.userVariable] ?? ""
    let password = environment[Self.passwordVariable] ?? ""
    guard !user.isEmpty || !password.isEmpty else { return nil }
    guard !user.isEmpty, !password.isEmpty else {
      let missing = user.isEmpty ? Self.userVariable : Self.passwordVariable
      throw RegistryError(
        .credentials, registry: registry.description, "of the two variables for its credentials, \(missing) is not set",
        hint: "set both \(Self.userVariable) and \(Self.passwordVariable), or neither")
    }
    return Credentials(username: user, secret: password)
  }
}

/// Asks a person.
public struct PromptedCredentials: CredentialSource {
  private let prompt: @Sendable (RegistryAddress) async throws -> Credentials?

  /// - Parameter prompt: Asks on the terminal, without echoing the secret; `nil` where nobody can be asked.
  public init(_ prompt: @escaping @Sendable (RegistryAddress) async throws -> Credentials?) { self.prompt = prompt }

  public func credentials(for registry: RegistryAddress) async throws -> Credentials? { try await prompt(registry) }
}
