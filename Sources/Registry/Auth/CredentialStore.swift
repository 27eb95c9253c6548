// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// Asks its sources in turn, once for each registry, and remembers the answer for as long as the process lives.
public actor CredentialStore: CredentialSource {
  private let sources: [any CredentialSource]
  private var answers: [RegistryAddress: Task<Credentials?, any Error>] = [:]

  public init(sources: [any CredentialSource]) { self.sources = sources }

  /// The order that users expect: Docker's configuration with its helpers, podman's, the environment, the terminal.
  ///
  /// - Parameters:
  ///   - environment: Where DOCKER_CONFIG, REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, HOME, PATH and the two variables of our
  ///     own are looked up.
  ///   - prompt: Asks on a terminal; `nil` where there is none.
  public init(
    environment: [String: String],
    prompt: (@Sendable (RegistryAddress) async throws -> Credentials?)? = nil
  ) {
    var sources: [any CredentialSource] = Self.files(environment).map {
      AuthFile(path: $0, environment: environment)
    }
    sources.append(EnvironmentCredentials(environment))
    if let prompt { sources.append(PromptedCredentials(prompt)) }
    self.sources = sources
  }

  /// - Throws: what a source threw. The failure is not remembered: the next call asks again.
  public func credentials(for registry: RegistryAddress) async throws -> Credentials? {
    while true {
      let task = answers[registry] ?? Task { [sources] in try await Self.first(of: sources, for: registry) }
      answers[registry] = task
      do {
        return try await task.sharedValue
      } catch {
        if answers[registry] == task { answers[registry] = nil }
        // Another caller that waited for the same answer was cancelled, not this one.
        guard error is CancellationError, !Task.isCancelled else { throw error }
      }
    }
  }

  private static func first(
    of sources: [any CredentialSource], for registry: RegistryAddress
  ) async throws -> Credentials? {
    for source in sources {
      guard let found = try await source.credentials(for: registry) else { continue }
      guard found.isWellFormed else {
        throw RegistryError(
          .credentials, registry: registry.description,
          "its credentials are empty, hold line ends, or have a colon in the user's name")
      }
      return found
    }
    return nil
  }

  private static func files(_ environment: [String: String]) -> [FilePath] {
    func path(_ variable: String, _ rest: String...) -> FilePath? {
      guard let base = environment[variable], !base.isEmpty else { return nil }
      return rest.reduce(FilePath(base)) { $0.appending($1) }
    }
    let docker = path("DOCKER_CONFIG", "config.json") ?? path("HOME", ".docker", "config.json")
    let podman =
      path("REGISTRY_AUTH_FILE").map { [$0] }
      ?? [
        path("XDG_RUNTIME_DIR", "containers", "auth.json"),
        path("XDG_CONFIG_HOME", "containers", "auth.json") ?? path("HOME", ".config", "containers", "auth.json"),
      ].compactMap(\.self)
    return (docker.map { [$0] } ?? []) + podman
  }
}

extension Task where Failure == any Error {
  /// The value of a task that several wait for; whoever is cancelled while waiting cancels it.
  var sharedValue: Success {
    get async throws {
      try await withTaskCancellationHandler {
        try await value
      } onCancel: {
        cancel()
      }
    }
  }
}
