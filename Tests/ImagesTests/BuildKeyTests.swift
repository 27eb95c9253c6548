// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary

@testable import Images

@Suite struct BuildKeyTests {
  struct Inputs {
    var context = Digest.sha256(of: "context")
    var dockerfile = Digest.sha256(of: "FROM a")
    var path = "infra/docker/base-ml.Dockerfile"
    var target: String?
    var platform = Platform(architecture: "amd64")
    var arguments = ["REGISTRY": "r", "OWNER": "o", "EMPTY": ""]
    var bases = ["r/o/base:v1": Digest.sha256(of: "1"), "python:3.12": Digest.sha256(of: "2")]
    var secrets = ["token", "pip-conf"]

    var key: Digest {
      BuildKey.compute(
        contextDigest: context, dockerfile: dockerfile, dockerfilePath: path, target: target, platform: platform,
        arguments: arguments, baseDigests: bases, secretIDs: secrets)
    }
  }

  /// Written out by hand from the documented encoding.
  @Test func encoding() {
    var inputs = Inputs()
    inputs.target = "final"
    let text = """
      remote-build build key 1
      context 71:\(Digest.sha256(of: "context"))
      dockerfile-path 31:infra/docker/base-ml.Dockerfile
      dockerfile 71:\(Digest.sha256(of: "FROM a"))
      target 5:final
      platform 11:linux/amd64
      argument 6:EMPTY=
      argument 7:OWNER=o
      argument 10:REGISTRY=r
      base 83:python:3.12 \(Digest.sha256(of: "2"))
      base 83:r/o/base:v1 \(Digest.sha256(of: "1"))
      secret 8:pip-conf
      secret 5:token

      """
    #expect(inputs.key == Digest.sha256(of: text))
  }

  /// Keys stand in registries: this one must never change without the encoding's number.
  @Test func fixedVector() {
    #expect(Inputs().key.description == "sha256:9ba0b44a0ceb950b96f89868198bb1f3d9c0dd679fc97bf7df0252e8aa91633e")
  }

  @Test func orderDoesNotMatter() {
    var inputs = Inputs()
    inputs.secrets.reverse()
    #expect(inputs.key == Inputs().key)
  }

  static let changes: [@Sendable (inout Inputs) -> Void] = [
    { $0.context = .sha256(of: "other") }, { $0.dockerfile = .sha256(of: "FROM b") }, { $0.path = "Dockerfile" },
    { $0.target = "final" }, { $0.target = "" }, { $0.platform = Platform(architecture: "arm64") },
    { $0.platform.variant = "v3" }, { $0.arguments["OWNER"] = "p" }, { $0.arguments["EMPTY"] = nil },
    { $0.arguments["NEW"] = "" }, { $0.bases["r/o/base:v1"] = .sha256(of: "3") }, { $0.bases["python:3.12"] = nil },
    { $0.secrets = ["token"] }, { $0.arguments = ["REGISTRY": "r", "OWNER": "o\nargument 6:EMPTY="] },
  ]

  @Test func everyInputMatters() {
    var keys: Set<Digest> = [Inputs().key]
    for (index, change) in Self.changes.enumerated() {
      var inputs = Inputs()
      change(&inputs)
      #expect(keys.insert(inputs.key).inserted, "change \(index)")
    }
  }

  @Test func labels() {
    #expect(ImageLabels().dictionary == [:])
    let digest = Digest.sha256(of: "x")
    let labels = ImageLabels(
      created: Date(timeIntervalSince1970: 1_700_000_000), revision: "abc", version: "v1",
      source: "https://git.example.com/a", baseName: "python:3.12", baseDigest: digest, buildKey: digest,
      treeDigest: digest)
    #expect(
      labels.dictionary == [
        "org.opencontainers.image.created": "2023-11-14T22:13:20Z", "org.opencontainers.image.revision": "abc",
        "org.opencontainers.image.version": "v1", "org.opencontainers.image.source": "https://git.example.com/a",
        "org.opencontainers.image.base.name": "python:3.12",
        "org.opencontainers.image.base.digest": digest.description,
        "dev.remote-build.build-key": digest.description, "dev.remote-build.tree-digest": digest.description,
      ])
  }

  @Test func planSurvivesStorage() throws {
    let digest = Digest.sha256(of: "x")
    let plan = BuildPlan(
      image: "base-ml", tag: "v1.0.2", repository: "harkon/base-ml",
      registry: ProjectRegistry(address: "r.example.com:5000", caFile: "/etc/ca.pem", via: "ml-1", isInsecure: true),
      platform: Platform(architecture: "arm64", variant: "v8"), dockerfile: "D", target: "final",
      arguments: ["OWNER": "harkon"], bases: [.init(reference: "python:3.12", digest: digest)], secretIDs: ["token"],
      labels: ImageLabels(buildKey: digest).dictionary, buildKey: digest, treeDigest: digest, contextDigest: digest,
      reason: "because")
    let data = try JSONEncoder().encode(plan)
    #expect(try JSONDecoder().decode(BuildPlan.self, from: data) == plan)
    #expect(plan.reference == "r.example.com:5000/harkon/base-ml:v1.0.2")
    // A person can read the path in it.
    #expect(String(decoding: data, as: UTF8.self).contains("ca.pem"))
  }
}
