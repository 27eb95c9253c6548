// SPDX-License-Identifier: Apache-2.0

internal import Foundation
public import SystemPackage

/// A file in the form of Docker's `config.json`, which podman's `auth.json` shares.
public struct AuthFile: CredentialSource {
  private let path: FilePath
  private let environment: [String: String]

  /// - Parameter environment: What credential helpers run with; they are looked up in its PATH.
  public init(path: FilePath, environment: [String: String]) {
    self.path = path
    self.environment = environment
  }

  private struct Contents: Decodable {
    struct Entry: Decodable {
      var auth: String?
      var username: String?
      var password: String?
      var identitytoken: String?
    }

    var auths: [String: Entry]?
    var credsStore: String?
    var credHelpers: [String: String]?
  }

  /// In Docker's order: the registry's own helper, the helper for all, the file itself. A file that is not there is
  /// no error.
  public func credentials(for registry: RegistryAddress) async throws -> Credentials? {
    guard let contents = try read(for: registry) else { return nil }
    let keys = registry.credentialKeys
    for key in keys {
      guard let name = contents.credHelpers?[key] else { continue }
      return try await CredentialHelper(name: name, environment: environment).credentials(for: registry, as: key)
    }
    if let name = contents.credsStore, !name.isEmpty {
      let helper = CredentialHelper(name: name, environment: environment)
      if let found = try await helper.credentials(for: registry, as: keys[0]) { return found }
    }
    for key in keys {
      let entry =
        contents.auths?[key] ?? contents.auths?.sorted { $0.key < $1.key }.first { Self.host(of: $0.key) == key }?.value
      guard let entry else { continue }
      if let found = try credentials(in: entry, for: registry) { return found }
    }
    return nil
  }

  private func read(for registry: RegistryAddress) throws -> Contents? {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path.string))
    } catch let error as CocoaError where error.code == .fileReadNoSuchFile || error.code == .fileNoSuchFile {
      return nil
    } catch {
      throw RegistryError(
        .credentials, registry: registry.description, "the file with credentials \(path) cannot be read",
        hint: "check its owner and mode")
    }
    do { return try JSONDecoder().decode(Contents.self, from: data) } catch {
      // Foundation's own words would quote the file.
      throw RegistryError(
        .credentials, registry: registry.description, "the file with credentials \(path) is not in Docker's JSON form",
        hint: "repair it, or move it away and log in again")
    }
  }

  private func credentials(in entry: Contents.Entry, for registry: RegistryAddress) throws -> Credentials? {
    if let token = entry.identitytoken, !token.isEmpty {
      return Credentials(username: Credentials.identityTokenName, secret: token)
    }
    if let username = entry.username, let password = entry.password, !password.isEmpty {
      return Credentials(username: username, secret: password)
    }
    guard let auth = entry.auth, !auth.isEmpty else { return nil }
    guard let data = Data(base64Encoded: auth, options: .ignoreUnknownCharacters),
      let text = String(data: data, encoding: .utf8), let colon = text.firstIndex(of: ":")
    else {
      throw RegistryError(
        .credentials, registry: registry.description, "its entry in \(path) is not user:password in base64",
        hint: "log in again: docker login \(registry)")
    }
    // Docker pads short entries with NUL.
    let secret = text[text.index(after: colon)...].prefix { $0 != "\0" }
    return Credentials(username: String(text[..<colon]), secret: String(secret))
  }

  /// The host and port of a key, which may be written as an address with a scheme and a path.
  private static func host(of key: String) -> String {
    var rest = Substring(key)
    if let scheme = rest.range(of: "://") { rest = rest[scheme.upperBound...] }
    return rest.prefix { $0 != "/" }.lowercased()
  }
}
