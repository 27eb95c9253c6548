// SPDX-License-Identifier: Apache-2.0

import Foundation
import Settings
import SystemPackage
import Testing
import Vocabulary

@testable import Images

@Suite struct ProjectTests {
  private func parse(_ text: String) throws -> Project {
    try Project.parse(text, workspace: "/ws", home: "/home/me")
  }

  @Test func everything() throws {
    let project = try parse(
      """
      registry: {address: Gitea.Harkon.co.uk:8443, ca-file: certs/ca.pem, via: ml-1, insecure: true}
      owner: harkon
      version: v1.0.1
      channel: stable
      images:
        base-runtime: {dockerfile: infra/docker/base-runtime.Dockerfile, budget: 300MB}
        base-ml:
          dockerfile: ./infra//docker/base-ml.Dockerfile
          version: v1.0.2
          hosts: [ml-1]
          roles: [gpu]
          platforms: [linux/amd64, linux/arm64]
          test: [python, -c, "import torch"]
          args: {PIP_INDEX_URL: https://pypi.example.com/simple, PYTHON: 3.10}
          secrets: {pip-conf: {file: ~/.config/pip/pip.conf}, token: {env: GIT_TOKEN}, k: {file: keys/k}}
          target: final
        svc-ocr: {dockerfile: Dockerfile, context: apps/svc_ocr/, version: git}
      """)
    #expect(
      project.registry
        == ProjectRegistry(
          address: "gitea.harkon.co.uk:8443", caFile: "/ws/certs/ca.pem", via: "ml-1", isInsecure: true))
    #expect(project.owner == "harkon")
    #expect(project.channel == "stable")
    #expect(project.images.map(\.name) == ["base-runtime", "base-ml", "svc-ocr"])
    #expect(project.images.map { project.version(of: $0) } == [.fixed("v1.0.1"), .fixed("v1.0.2"), .git])
    #expect(project.images[0].budget == ByteCount(300_000_000))
    #expect(project.images[0].context == "")
    #expect(project["svc-ocr"]?.context == "apps/svc_ocr")
    let ml = try #require(project["base-ml"])
    #expect(
      ml
        == ProjectImage(
          name: "base-ml", dockerfile: "infra/docker/base-ml.Dockerfile", version: .fixed("v1.0.2"), hosts: ["ml-1"],
          roles: ["gpu"], platforms: [Platform(architecture: "amd64"), Platform(architecture: "arm64")],
          test: ["python", "-c", "import torch"],
          args: ["PIP_INDEX_URL": "https://pypi.example.com/simple", "PYTHON": "3.10"],
          secrets: [
            ProjectSecret(id: "pip-conf", source: .file("/home/me/.config/pip/pip.conf")),
            ProjectSecret(id: "token", source: .environment("GIT_TOKEN")),
            ProjectSecret(id: "k", source: .file("/ws/keys/k")),
          ], target: "final"))
  }

  @Test func theLeast() throws {
    let project = try parse("registry: localhost:5000\nimages: {a: {dockerfile: D}}")
    #expect(project == Project(registry: .init(address: "localhost:5000"), images: [.init(name: "a", dockerfile: "D")]))
  }

  @Test(arguments: [
    ("", "1:1: 'images' is missing"),
    ("images: {}", "1:9: at least one image is needed here"),
    ("images: [a]", "1:9: expected a mapping (key: value), found a list"),
    (
      "imagse: {}",
      "1:1: unknown key 'imagse', did you mean 'images'?; known here: registry, owner, version, channel, images"
    ),
    ("images:\n  a: {}", "2:3: 'a' has no 'dockerfile'"),
    ("images:\n  a: {dockerfile: D, hosts: ml-1}", "2:29: expected a list, found 'ml-1'"),
    ("images:\n  a: {dockerfile: D, hosts: [x, x]}", "2:33: 'x' is written more than once"),
    ("images:\n  a: {dockerfile: /D}", "2:19: expected a path relative to the workspace, found '/D'"),
    ("images:\n  a: {dockerfile: a/../../D}", "2:19: 'a/../../D' leads out of the workspace"),
    ("images:\n  a: {dockerfile: .}", "2:19: expected the path of a file"),
    (
      "images:\n  Base: {dockerfile: D}",
      "2:3: 'Base' cannot be an image's name: write lower-case letters and digits, joined by '-', '.' or '_'"
    ),
    (
      "images:\n  a-: {dockerfile: D}",
      "2:3: 'a-' cannot be an image's name: write lower-case letters and digits, joined by '-', '.' or '_'"
    ),
    ("images:\n  a: {dockerfile: D}\n  a: {dockerfile: E}", "3:3: 'a' is written more than once"),
    ("version: latest", "1:10: 'latest' is never a version, since it moves; write one such as v1.0.0, or git"),
    ("version: V1", "1:10: the tag 'V1' must be lower-case, since some registries store it so"),
    ("version: .1", "1:10: the tag '.1' must begin with a letter, a digit or '_'"),
    ("version: v1+a", "1:10: the tag 'v1+a' must consist of lower-case letters, digits, '.', '_' and '-'"),
    ("version: [v1]", "1:10: expected a text, found a list"),
    ("version: \"\"", "1:10: a tag must not be empty"),
    ("owner: Har", "1:8: 'Har' cannot be an owner: write lower-case letters and digits, joined by '-', '.' or '_'"),
    (
      "channel: v1.0",
      "1:10: 'v1.0' reads as a version, which never moves: name the channel by a word, such as stable"
    ),
    (
      "channel: stable.3",
      "1:10: 'stable.3' reads as an entry of a channel's history: name the channel by a word, such as stable"
    ),
    ("channel: a b", "1:10: the tag 'a b' must consist of lower-case letters, digits, '.', '_' and '-'"),
    (
      "registry: https://r.example.com",
      "1:11: expected a registry's address such as gitea.example.com or localhost:5000, found 'https://r.example.com'"
    ),
    (
      "registry: me:pw@r.example.com",
      "1:11: expected a registry's address such as gitea.example.com or localhost:5000, found 'me:pw@r.example.com'"
    ),
    ("registry: {via: x}", "1:11: 'address' is missing"),
    ("registry: {address: r.io, tls: no}", "1:27: unknown key 'tls'; known here: address, ca-file, via, insecure"),
    ("registry: {address: r.io, insecure: maybe}", "1:37: expected true or false, found 'maybe'"),
    ("registry: {address: r.io, ca-file: ~bob/x}", "1:36: '~bob/x': only '~/', one's own home, is understood"),
    (
      "images:\n  a:\n    dockerfile: D\n    args:\n      URL: https://me:pw@pypi.example.com/simple",
      "5:12: the URL in 'URL' holds a user or password, which would stand in the image's history; give it as a secret instead"
    ),
    (
      "images: {a: {dockerfile: D, args: {a-b: x}}}",
      "1:36: 'a-b' cannot be an argument's name: write letters, digits and '_'"
    ),
    (
      "images: {a: {dockerfile: D, args: {A: yes}}}",
      "1:39: expected a text; to mean the word, write it in quotes: \"yes\""
    ),
    ("images: {a: {dockerfile: D, secrets: {s: {}}}}", "1:42: a secret needs either 'file' or 'env'"),
    ("images: {a: {dockerfile: D, secrets: {s: {file: x, env: Y}}}}", "1:42: a secret needs either 'file' or 'env'"),
    (
      "images: {a: {dockerfile: D, secrets: {\"s,x\": {env: Y}}}}",
      "1:39: 's,x' cannot be a secret's id: write letters, digits, '.', '_' and '-'"
    ),
    ("images: {a: {dockerfile: D, test: []}}", "1:35: expected a command"),
    ("images: {a: {dockerfile: D, budget: big}}", "1:37: expected a size such as 300MB or 8GiB, found 'big'"),
    (
      "images: {a: {dockerfile: D, platforms: [amd64]}}", "1:41: expected a platform such as linux/amd64, found 'amd64'"
    ),
    (
      "channel: stable\nversion: stable\nimages: {a: {dockerfile: D}}",
      "2:10: 'stable' is the channel, which moves; a version must not"
    ),
    (
      "channel: s\nimages: {a: {dockerfile: D, version: s.3}}",
      "2:38: the tag 's.3' belongs to the history of the channel 's'"
    ),
    (
      "images: {a: {dockerfile: D}",
      "2:1: while parsing a flow mapping, did not find expected ',' or '}'"
    ),
  ])
  func errors(_ text: String, message: String) {
    let error = #expect(throws: SettingsError.self) { try parse(text) }
    #expect(error?.description == "remote-build.yaml:\(message)")
  }

  @Test(arguments: [
    ("https://a.example.com/simple", false), ("https://me@a.example.com", true), ("http://:x@a", true),
    ("git+https://tok@a/x.git", true), ("ssh://git@a/x.git", false), ("ssh://git:pw@a/x.git", true),
    ("https://a/x@y:z", false), ("--a https://ok --b ftp://u:p@h", true), ("a:b@c", false),
    ("postgres://u:p@h/db", true),
    ("HTTPS://T@h", true),
  ])
  func credentialsInURLs(_ text: String, stand: Bool) {
    #expect(URLCredentials.stand(in: text) == stand)
  }

  @Test(arguments: [
    ("localhost", "localhost"), ("A.B:443", "a.b:443"), ("[::1]:5000", "[::1]:5000"),
    ("127.0.0.1:5000", "127.0.0.1:5000"),
    ("", nil), ("gitea", nil), ("a/b", nil), ("a:0", nil), ("a:x", nil), ("a:70000", nil), ("a:+1", nil), ("-a", nil),
    ("a..b", nil),
    ("[x]", nil), ("a:", nil),
  ])
  func addresses(_ text: String, normalized: String?) {
    #expect(RegistryAddress.normalized(text) == normalized)
  }

  @Test func loadingLooksForTheDockerfiles() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "images-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory.appending(path: "dir"), withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let root = FilePath(directory.path)
    func load(_ text: String) throws -> Project {
      try Data(text.utf8).write(to: directory.appending(path: "remote-build.yaml"))
      return try Project.load(workspace: root, home: "/home/me")
    }
    #expect(throws: SettingsError.self) { try Project.load(workspace: root, home: "/home/me") }
    try Data("FROM a".utf8).write(to: directory.appending(path: "D"))
    #expect(try load("images: {a: {dockerfile: D}}").images.map(\.dockerfile) == ["D"])
    for missing in ["E", "dir"] {
      let error = #expect(throws: SettingsError.self) {
        try load("images:\n  a: {dockerfile: D}\n  b: {dockerfile: \(missing)}")
      }
      #expect(error?.description == "remote-build.yaml:3:19: there is no file '\(missing)' in the workspace")
    }
  }
}
