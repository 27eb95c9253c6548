// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import Registry

@Suite struct CredentialStoreTests {
  let scratch: ScratchDirectory
  let registry: RegistryAddress

  init() throws {
    scratch = try ScratchDirectory()
    registry = try RegistryAddress("gitea.example.com:3000")
  }

  private func found(
    _ environment: [String: String], for registry: RegistryAddress? = nil,
    prompt: (@Sendable (RegistryAddress) async throws -> Credentials?)? = nil
  ) async throws -> Credentials? {
    var environment = environment
    environment["HOME"] = scratch.path
    environment["PATH"] = scratch.path + "/bin:/usr/bin:/bin"
    return try await CredentialStore(environment: environment, prompt: prompt).credentials(
      for: registry ?? self.registry)
  }

  /// A helper that answers for one registry and writes down what it was asked.
  private func helper(_ name: String, _ answer: String, status: Int = 0) throws {
    try scratch.write(
      "bin/docker-credential-\(name)",
      """
      #!/bin/sh
      echo "$@" > \(scratch.path)/\(name).arguments
      cat > \(scratch.path)/\(name).asked
      cat <<'END'
      \(answer)
      END
      exit \(status)
      """, mode: 0o700)
  }

  private func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

  @Test func theOrderOfDockersOwnFile() async throws {
    try helper("one", #"{"ServerURL": "x", "Username": "from-helper", "Secret": "s1"}"#)
    try helper("all", #"{"ServerURL": "x", "Username": "from-store", "Secret": "s2"}"#)
    let auths = #""auths": {"gitea.example.com:3000": {"auth": "\#(base64("from-file:a:b"))"}}"#
    let environment = ["DOCKER_CONFIG": scratch.path + "/docker"]

    try scratch.write("docker/config.json", "{\(auths)}")
    #expect(try await found(environment) == Credentials(username: "from-file", secret: "a:b"))
    try scratch.write("docker/config.json", #"{\#(auths), "credsStore": "all"}"#)
    #expect(try await found(environment) == Credentials(username: "from-store", secret: "s2"))
    try scratch.write(
      "docker/config.json", #"{\#(auths), "credsStore": "all", "credHelpers": {"gitea.example.com:3000": "one"}}"#)
    #expect(try await found(environment) == Credentials(username: "from-helper", secret: "s1"))
    #expect(try String(contentsOfFile: scratch.path + "/one.arguments", encoding: .utf8) == "get\n")
    #expect(try String(contentsOfFile: scratch.path + "/one.asked", encoding: .utf8) == "gitea.example.com:3000")
  }

  @Test func aHelperWithoutAnAnswerLeavesItToTheNext() async throws {
    try helper("all", "credentials not found in native keychain", status: 1)
    try scratch.write(".docker/config.json", #"{"credsStore": "all"}"#)
    try scratch.write(
      ".config/containers/auth.json", #"{"auths": {"gitea.example.com:3000": {"auth": "\#(base64("podman:p"))"}}}"#)
    #expect(try await found([:]) == Credentials(username: "podman", secret: "p"))
  }

  @Test func helpersThatFail() async throws {
    try scratch.write(".docker/config.json", #"{"credsStore": "broken"}"#)
    let absent = await #expect(throws: RegistryError.self) { _ = try await found([:]) }
    #expect(absent?.code == .credentials)
    #expect(absent?.message.contains("docker-credential-broken") == true)
    #expect(absent?.message.contains("is not installed") == true)
    try helper("broken", "the keyring is locked", status: 2)
    let failed = await #expect(throws: RegistryError.self) { _ = try await found([:]) }
    #expect(failed?.message.contains("failed: the keyring is locked") == true)
    try helper("broken", "no json, but a secret")
    let garbled = await #expect(throws: RegistryError.self) { _ = try await found([:]) }
    #expect(garbled?.code == .credentials)
    #expect(garbled?.description.contains("a secret") == false)
    try scratch.write(".docker/config.json", #"{"credsStore": "../../bin/sh"}"#)
    let strange = await #expect(throws: RegistryError.self) { _ = try await found([:]) }
    #expect(strange?.message.contains("a name that is none") == true)
  }

  @Test func identityTokens() async throws {
    try helper("one", #"{"Username": "<token>", "Secret": "refresh"}"#)
    try scratch.write(".docker/config.json", #"{"credHelpers": {"gitea.example.com:3000": "one"}}"#)
    #expect(try await found([:])?.isIdentityToken == true)
    try scratch.write(
      ".docker/config.json", #"{"auths": {"gitea.example.com:3000": {"auth": "PHRva2VuPjo=", "identitytoken": "r"}}}"#)
    #expect(try await found([:]) == Credentials(username: "<token>", secret: "r"))
  }

  @Test func keysWithSchemesAndDockerHub() async throws {
    try scratch.write(
      ".docker/config.json",
      #"""
      {"auths": {"https://gitea.example.com:3000/v2/": {"auth": "\#(base64("a:b"))"},
        "https://index.docker.io/v1/": {"auth": "\#(base64("hub:h"))"}}}
      """#)
    #expect(try await found([:]) == Credentials(username: "a", secret: "b"))
    #expect(try await found([:], for: .dockerHub) == Credentials(username: "hub", secret: "h"))
    #expect(try await found([:], for: RegistryAddress("gitea.example.com")) == nil)
  }

  @Test func podmanThenTheEnvironmentThenThePrompt() async throws {
    let both = ["REMOTE_BUILD_REGISTRY_USER": "env", "REMOTE_BUILD_REGISTRY_PASSWORD": "e"]
    try scratch.write(
      "run/containers/auth.json", #"{"auths": {"gitea.example.com:3000": {"auth": "\#(base64("podman:p"))"}}}"#)
    let runtime = ["XDG_RUNTIME_DIR": scratch.path + "/run"]
    #expect(try await found(both.merging(runtime) { $1 })?.username == "podman")
    #expect(try await found(both) { _ in Credentials(username: "asked", secret: "q") }?.username == "env")
    #expect(try await found([:]) { _ in Credentials(username: "asked", secret: "q") }?.username == "asked")
    #expect(try await found([:]) == nil)
    let half = await #expect(throws: RegistryError.self) { _ = try await found(["REMOTE_BUILD_REGISTRY_USER": "x"]) }
    #expect(half?.code == .credentials)
  }

  @Test func aPersonIsAskedOnce() async throws {
    let asked = Mutex(0)
    let store = CredentialStore(environment: [:]) { _ in
      asked.withLock { $0 += 1 }
      return Credentials(username: "u", secret: "s")
    }
    async let first = store.credentials(for: registry)
    async let second = store.credentials(for: registry)
    #expect(try await first == second)
    #expect(asked.withLock(\.self) == 1)
  }

  @Test func filesThatCannotBeUsedAreNamedButNotQuoted() async throws {
    let path = try scratch.write(".docker/config.json", #"{"auths": {"x": "s3cret"#)
    let broken = await #expect(throws: RegistryError.self) { _ = try await found([:]) }
    #expect(broken?.code == .credentials)
    #expect(broken?.message.contains(path) == true)
    #expect(broken?.description.contains("s3cret") == false)
    try scratch.write(".docker/config.json", #"{"auths": {"gitea.example.com:3000": {"auth": "s3cret"}}}"#)
    let garbled = await #expect(throws: RegistryError.self) { _ = try await found([:]) }
    #expect(garbled?.description.contains("s3cret") == false)
  }

  @Test func printingShowsNoSecret() {
    let credentials = Credentials(username: "harkon", secret: "s3cret")
    var dumped = ""
    dump(credentials, to: &dumped)
    for text in [
      "\(credentials)", String(reflecting: credentials), dumped, "\([credentials])", "\(Optional(credentials) as Any)",
    ] {
      #expect(!text.contains("s3cret"))
      #expect(text.contains("harkon"))
    }
  }

  @Test(arguments: ["", "a\nb", "a\0"]) func secretsThatDoNotFitIntoAHeader(secret: String) async throws {
    let store = CredentialStore(sources: [FixedCredentials(Credentials(username: "u", secret: secret))])
    await #expect(throws: RegistryError.self) { _ = try await store.credentials(for: registry) }
  }
}
