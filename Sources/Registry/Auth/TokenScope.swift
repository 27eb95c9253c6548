// SPDX-License-Identifier: Apache-2.0

/// What a token shall allow.
struct TokenScope: Hashable, Sendable, CustomStringConvertible {
  let description: String

  static func pull(_ repository: RepositoryName) -> TokenScope {
    TokenScope(description: "repository:\(repository):pull")
  }

  static func push(_ repository: RepositoryName) -> TokenScope {
    TokenScope(description: "repository:\(repository):pull,push")
  }

  static func delete(_ repository: RepositoryName) -> TokenScope {
    TokenScope(description: "repository:\(repository):pull,push,delete")
  }
}
