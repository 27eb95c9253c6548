// SPDX-License-Identifier: Apache-2.0

import Settings
import SystemPackage
import Testing
import Vocabulary

@Suite struct SettingsTests {
  enum Engine: String, CaseIterable { case docker, podman }

  private func root(_ text: String) throws -> SettingsNode { try SettingsDocument(text: text, file: "f.yaml").root }

  private func message(_ text: String, _ body: (SettingsNode) throws -> Void) -> String {
    do {
      try body(try root(text))
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func readsEveryKindOfValue() throws {
    let mapping = try root(
      """
      name: ml
      version: 1.10
      count: 3
      wide: yes
      budget: 300MB
      platform: linux/arm64
      builder: podman
      roles: [build, run]
      nested: {a: "true", b: 'x'}
      """
    ).mapping()
    #expect(try mapping.require("name").string() == "ml")
    #expect(try mapping.require("version").string() == "1.10")
    #expect(try mapping.require("count").int() == 3)
    #expect(try mapping.require("wide").bool())
    #expect(try mapping.require("budget").byteCount() == ByteCount(300_000_000))
    #expect(try mapping.require("platform").platform() == Platform(architecture: "arm64"))
    #expect(try mapping.require("builder").choice(Engine.self) == .podman)
    #expect(try mapping.require("roles").strings() == ["build", "run"])
    #expect(try mapping.require("nested").mapping(known: ["a", "b"])["a"]?.string() == "true")
    #expect(mapping["absent"] == nil)
    #expect(mapping.entries.map(\.name).first == "name")
  }

  @Test func namesPlaceAndRemedy() {
    #expect(
      message("a: 1\nownr: x\n") { _ = try $0.mapping(known: ["a", "owner"]) }
        == "f.yaml:2:1: unknown key 'ownr', did you mean 'owner'?; known here: a, owner")
    #expect(
      message("limits:\n  cpus: many\n") { _ = try $0.mapping()["limits"]?.mapping()["cpus"]?.int() }
        == "f.yaml:2:9: expected a whole number, found 'many'")
    #expect(
      message("a: [1, {}]") { _ = try $0.mapping()["a"]?.strings() } == "f.yaml:1:8: expected a text, found a mapping")
    #expect(message("a:") { _ = try $0.mapping()["a"]?.string() } == "f.yaml:1:3: expected a text, found nothing")
    #expect(
      message("a: no") { _ = try $0.mapping()["a"]?.string() }
        == "f.yaml:1:4: expected a text; to mean the word, write it in quotes: \"no\"")
    #expect(message("  b: 1") { _ = try $0.mapping().require("a") } == "f.yaml:1:3: 'a' is missing")
    #expect(
      message("builder: dokcer") { _ = try $0.mapping()["builder"]?.choice(Engine.self) }
        == "f.yaml:1:10: 'dokcer' is none of docker, podman, did you mean 'docker'?")
    #expect(
      message("p: linux") { _ = try $0.mapping()["p"]?.platform() }
        == "f.yaml:1:4: expected a platform such as linux/amd64, found 'linux'")
  }

  @Test func refusesWhatIsNoDocument() {
    #expect(message("a: [1\nb: 2") { _ in }.hasPrefix("f.yaml:2:2: "))
    for (text, place) in [
      ("a: 1\nb: 2\na: 3", "3:1"), ("a: 1\nb: 2\na: 3\na: 4", "3:1"), ("x:\n  - {ab: 1, \"ab\": 2}", "2:13"),
      ("ä:\n  'k': 1\n  k: 2", "3:3"),
    ] {
      let said = message(text) { _ in }
      #expect(said.hasPrefix("f.yaml:\(place): ") && said.hasSuffix(" is written more than once"), "\(said)")
    }
    #expect(message("a: 1\n---\nb: 2") { _ in }.hasPrefix("f.yaml:2:"))
    #expect(message("a: *x") { _ in } == "f.yaml:1:4: found undefined alias")
  }

  @Test func boundsWhatAliasesCanGrowTo() {
    let laughs =
      "a: &a [x,x,x,x,x,x,x,x,x]\n"
      + zip("bcdefgh", "abcdefg").map { new, old in
        "\(new): &\(new) [\((0..<9).map { _ in "*\(old)" }.joined(separator: ","))]\n"
      }.joined()
    #expect(message(laughs) { _ in }.contains("too many values"))
  }

  @Test func anEmptyFileIsAnEmptyMapping() throws {
    #expect(try root("# nothing\n").mapping(known: []).entries.isEmpty)
  }

  @Test func aMissingFileIsAnErrorOfThatFile() {
    #expect(throws: SettingsError.self) { try SettingsDocument(contentsOf: "/nonexistent/x.yaml") }
  }
}
