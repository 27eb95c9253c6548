// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Registry

@Suite struct ReferenceTests {
  private static let digest = "sha256:" + String(repeating: "0a", count: 32)

  @Test(arguments: [
    ("python:3.12-slim", "docker.io/library/python:3.12-slim"),
    ("python", "docker.io/library/python"),
    ("harkon/base-ml:v1", "docker.io/harkon/base-ml:v1"),
    ("docker.io/python", "docker.io/library/python"),
    ("index.docker.io/python", "docker.io/library/python"),
    ("gitea.harkon.co.uk/harkon/base-ml:v1.0.2", "gitea.harkon.co.uk/harkon/base-ml:v1.0.2"),
    ("localhost/a", "localhost/a"),
    ("localhost:5000/a/b/c:x", "localhost:5000/a/b/c:x"),
    ("[::1]:5000/a", "[::1]:5000/a"),
    ("127.0.0.1:5000/a@" + digest, "127.0.0.1:5000/a@" + digest),
    ("a.b/c:t@" + digest, "a.b/c:t@" + digest),
    ("a__b-c---d.e_f", "docker.io/library/a__b-c---d.e_f"),
  ]) func names(text: String, expected: String) throws {
    let reference = try ImageReference(text)
    #expect(reference.description == expected)
    #expect(try ImageReference(reference.description) == reference)
  }

  @Test(arguments: [
    "", "A", "a/", "/a", "a//b", "a..b", "a___b", "-a", "a-", "a:", "a:-x", "a@sha256:12", "a@", "a b", "a.b/", "é",
    "x.y:99999/a", "a/B", "a.b:5000/c:" + String(repeating: "t", count: 129), "a:b:c", "\u{1b}[2J",
  ]) func whatIsNoName(text: String) {
    let error = #expect(throws: RegistryError.self) { _ = try ImageReference(text) }
    #expect(error?.code == .invalidReference)
    #expect(error?.description.contains("\u{1b}") == false)
  }

  @Test func whatToAskFor() throws {
    #expect(try ImageReference("a").reference == .tag(.latest))
    #expect(try ImageReference("a:t@" + Self.digest).reference.description == Self.digest)
  }

  @Test func addresses() throws {
    let address = try RegistryAddress("HTTPS://Gitea.Example.com:3000/")
    #expect(address.description == "gitea.example.com:3000")
    #expect(address.endpoint.text == "https://gitea.example.com:3000/")
    #expect(try RegistryAddress("http://localhost:5000").endpoint.text == "http://localhost:5000/")
    #expect(try RegistryAddress("x.test", insecure: true).endpoint.text == "http://x.test/")
    #expect(RegistryAddress.dockerHub.endpoint.text == "https://registry-1.docker.io/")
    #expect(try RegistryAddress("127.1.2.3").isLoopback && !RegistryAddress("128.0.0.1").isLoopback)
    for text in ["", "http://x.test", "x/y", "user:secret@x", "x:0", "x:y", "[x]", "[::1", "a..b", "-a", "x\ny"] {
      let error = #expect(throws: RegistryError.self) { _ = try RegistryAddress(text) }
      #expect(error?.code == .invalidReference)
      #expect(error?.description.contains("secret") == false)
    }
  }

  @Test func tagsInCapitals() throws {
    let tag = try Tag("V1.0-RC")
    #expect(!tag.isLowercase)
    let error = #expect(throws: RegistryError.self) { try tag.requireLowercase() }
    #expect(error?.hint == "write “v1.0-rc”")
    try Tag("v1.0-rc").requireLowercase()
  }
}
