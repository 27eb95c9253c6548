// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Delivery
@testable import Registry

/// A rollback without a channel: the version goes back where it is pinned.
@Suite struct PinnedVersionTests {
  private func workspace(_ bench: ReleaseBench) async throws -> String {
    let project = """
      registry: {address: "\(bench.address)", insecure: true}
      owner: \(bench.owner)
      version: v1.0.3   # the newest
      images:
        base: {dockerfile: base.Dockerfile, target: run}
        svc:
          dockerfile: svc.Dockerfile
          version: "v1.0.3"
        other:
          dockerfile: other.Dockerfile

      """
    try bench.write("work/remote-build.yaml", project)
    try bench.write("work/base.Dockerfile", "FROM scratch AS run\n")
    try bench.write(
      "work/svc.Dockerfile",
      "ARG REGISTRY\nARG OWNER\nARG BASE_VERSION=v1.0.3\nFROM ${REGISTRY}/${OWNER}/base:${BASE_VERSION}\n")
    try bench.write("work/other.Dockerfile", "ARG BASE_VERSION=v1.0.3\nFROM python:${BASE_VERSION}\n")
    let name = "\(bench.address)/\(bench.owner)"
    try bench.write(
      "work/compose.yaml",
      "services:\n  a: {image: \(name)/svc:v1.0.3}\n  b: {image: \(name)/svc:v1.0.30}\n  c: {image: \(name)/my-svc:v1.0.3}\n"
    )
    for image in ["base", "svc"] {
      for tag in ["v1.0.1", "v1.0.2", "v1.0.3", "v1.0.30"] { try await bench.push(image, tag) }
    }
    return project
  }

  @Test func aBasesVersionGoesBackForItAlone() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        let project = try await workspace(bench)
        let asked = await bench.rollback("base", yes: false)
        #expect(asked.status == .usage)
        #expect(try bench.read("work/remote-build.yaml") == project)
        let difference = asked.events.compactMap {
          if case .pinning(let pin) = $0.body { pin.difference } else { nil }
        }
        #expect(
          difference == [
            [
              "--- remote-build.yaml", "+++ remote-build.yaml", "@@ line 5 @@",
              "-  base: {dockerfile: base.Dockerfile, target: run}",
              "+  base: {version: v1.0.2, dockerfile: base.Dockerfile, target: run}", "--- svc.Dockerfile",
              "+++ svc.Dockerfile", "@@ line 3 @@", "-ARG BASE_VERSION=v1.0.3", "+ARG BASE_VERSION=v1.0.2",
            ]
          ])
        let done = await bench.rollback("base")
        #expect(done.status == .success, "\(String(describing: done.failure))")
        #expect(
          try bench.read("work/remote-build.yaml")
            == project.replacing("base: {dockerfile", with: "base: {version: v1.0.2, dockerfile"))
        #expect(try bench.read("work/svc.Dockerfile").contains("ARG BASE_VERSION=v1.0.2\n"))
        #expect(try bench.read("work/other.Dockerfile").contains("ARG BASE_VERSION=v1.0.3\n"))
        // Repeated, it goes further back.
        #expect(await bench.rollback("base").status == .success)
        #expect(try bench.read("work/remote-build.yaml").contains("base: {version: v1.0.1, "))
        let none = await bench.rollback("base")
        #expect(none.status == .releaseRefused)
      }
    }
  }

  @Test func aServicesVersionGoesBackInTheComposeFileToo() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        let project = try await workspace(bench)
        #expect(await bench.rollback("svc", to: "v1.0.1").status == .success)
        #expect(try bench.read("work/remote-build.yaml") == project.replacing(#""v1.0.3""#, with: #""v1.0.1""#))
        let compose = try bench.read("work/compose.yaml")
        #expect(compose.contains("/svc:v1.0.1}") && compose.contains("/svc:v1.0.30}"))
        #expect(compose.contains("/my-svc:v1.0.3}"))
        #expect(await bench.rollback("svc", to: "v1.0.1").status == .releaseRefused)
        #expect(await bench.rollback("svc", to: "v1.0.9").status == .releaseRefused)
      }
    }
  }

  @Test func anImageInBlockStyleGetsALineOfItsOwn() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        let project = try await workspace(bench)
        try await bench.push("other", "v1.0.1")
        let outcome = await bench.rollback("other")
        #expect(outcome.status == .success, "\(String(describing: outcome.failure))")
        #expect(
          try bench.read("work/remote-build.yaml")
            == project.replacing(
              "    dockerfile: other.Dockerfile", with: "    version: v1.0.1\n    dockerfile: other.Dockerfile"))
      }
    }
  }

  @Test func aBrokenVersionIsPassedOver() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        _ = try await workspace(bench)
        let second = try await bench.push("svc", "v1.0.2")
        try registry.forget(second.layerDigest.description, in: "\(bench.owner)/svc")
        let passed = await bench.rollback("svc")
        #expect(passed.status == .success)
        #expect(passed.warnings.contains { $0.contains("v1.0.2 is passed over") })
        #expect(try bench.read("work/remote-build.yaml").contains(#"version: "v1.0.1""#))
      }
    }
  }

  @Test func whatGitNamesIsNotPinned() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        try bench.project(["app"], channel: nil, version: "git")
        let refused = await bench.rollback("app")
        #expect(refused.status == .usage)
        #expect(refused.failure?.next.contains { $0.contains("--channel") } == true)
      }
    }
  }

  @Test func aFileThatChangedMeanwhileIsLeftAlone() async throws {
    try await PlainRegistry.with { registry in
      try await ReleaseBench.with(registry) { bench in
        let project = try await workspace(bench)
        let outcome = await bench.rollback(
          "base", yes: false,
          answering: {
            try? bench.write("work/svc.Dockerfile", "FROM scratch\n")
            return "yes"
          })
        #expect(outcome.status == .releaseRefused)
        #expect(outcome.failure?.leftBehind == "every file is as it was")
        #expect(try bench.read("work/remote-build.yaml") == project)
        #expect(try bench.read("work/svc.Dockerfile") == "FROM scratch\n")
      }
    }
  }
}
