// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Subprocess

/// A program `docker-credential-NAME`, which keeps credentials elsewhere, such as in the desktop's keyring.
///
/// The protocol: the registry's name on stdin of `get`, and `{"ServerURL", "Username", "Secret"}` back.
struct CredentialHelper: Sendable {
  let name: String
  let environment: [String: String]

  private struct Answer: Decodable {
    var username: String?
    var secret: String?

    private enum CodingKeys: String, CodingKey {
      case username = "Username"
      case secret = "Secret"
    }
  }

  /// - Parameter key: The name under which the helper knows the registry.
  /// - Returns: `nil` where the helper has nothing under that name.
  func credentials(for registry: RegistryAddress, as key: String) async throws -> Credentials? {
    guard !name.isEmpty, name.utf8.allSatisfy({ $0.isLetterOrDigit || "-_.".utf8.contains($0) }) else {
      throw failure(registry, "has a name that is none")
    }
    // The helper has no use for our own variable, and what it starts might show its environment.
    let values = environment.filter { $0.key != EnvironmentCredentials.passwordVariable }.map {
      (Environment.Key(stringLiteral: $0.key), $0.value)
    }
    do {
      let result = try await run(
        .name("docker-credential-\(name)"), arguments: ["get"],
        environment: .custom(Dictionary(uniqueKeysWithValues: values)),
        input: .string(key), output: .string(limit: 1 << 16), error: .discarded)
      let output = result.standardOutput
      guard result.terminationStatus.isSuccess else {
        // The words that every helper of Docker's own library uses for this, its only way to say so.
        if output.contains("credentials not found in native keychain") { return nil }
        throw failure(registry, "failed: \(output.trimmingASCIISpace.shownSafely)")
      }
      guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(output.utf8)), let secret = answer.secret
      else { throw failure(registry, "gave an answer that is not in its protocol's form") }
      return secret.isEmpty ? nil : Credentials(username: answer.username ?? "", secret: secret)
    } catch let error as SubprocessError where error.code == .executableNotFound {
      throw failure(registry, "is not installed")
    } catch let error as SubprocessError {
      throw failure(registry, "could not be run: \(error.description.shownSafely)")
    }
  }

  private func failure(_ registry: RegistryAddress, _ what: String) -> RegistryError {
    RegistryError(
      .credentials, registry: registry.description,
      "the credential helper docker-credential-\(name.shownSafely), which a configuration file names, \(what)",
      hint: "install it and put it on PATH, or take credsStore and credHelpers out of that file and log in again")
  }
}
