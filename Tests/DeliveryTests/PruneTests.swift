// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary

@testable import Delivery

@Suite struct PruneTests {
  private static let repository = "r.test/shop/app"

  private func image(
    _ id: String, _ tags: [String], _ created: String, digest: String? = nil, isOurs: Bool = true
  ) -> ImagePruning.Listed {
    .init(
      id: id, repoTags: tags, repoDigests: digest.map { ["\(Self.repository)@\($0)"] }, created: created, size: 10,
      config: .init(labels: isOurs ? ["dev.remote-build.build-key": "sha256:1"] : nil))
  }

  private func choice(
    releases: Int = 2, kept: Set<String> = [], digests: Set<String> = [], used: Set<String> = [],
    repositories: Set<String> = [PruneTests.repository]
  ) -> ImagePruning {
    ImagePruning(
      repositories: repositories, keptTags: kept, keptDigests: digests, used: used, releases: releases)
  }

  private var four: [ImagePruning.Listed] {
    (1...4).map { image("id\($0)", ["\(Self.repository):v\($0)"], "2026-01-0\($0)T00:00:00Z", digest: "sha256:d\($0)") }
  }

  @Test func theNewestReleasesStay() {
    let gone = choice().choose(four)
    #expect(gone.map(\.references) == [["\(Self.repository):v1"], ["\(Self.repository):v2"]])
    #expect(gone.map(\.digests) == [["\(Self.repository)@sha256:d1"], ["\(Self.repository)@sha256:d2"]])
  }

  @Test func whatAChannelAContainerOrTheWorkspaceNamesStays() {
    #expect(choice(kept: ["v1"]).choose(four).map { $0.references[0] } == ["\(Self.repository):v2"])
    #expect(choice(digests: ["sha256:d2"]).choose(four).map { $0.references[0] } == ["\(Self.repository):v1"])
    #expect(choice(used: ["id1", "id2"]).choose(four).isEmpty)
  }

  @Test func othersImagesAreNotJudged() {
    // Of other workspaces, and of nobody's making here.
    #expect(choice(repositories: ["r.test/shop/other"]).choose(four).isEmpty)
    let foreign = (1...4).map {
      image("f\($0)", ["\(Self.repository):f\($0)"], "2025-01-0\($0)T00:00:00Z", isOurs: false)
    }
    #expect(choice().choose(foreign).isEmpty)
    // One that has a name of another workspace beside its own.
    let shared = image("s", ["\(Self.repository):old", "r.test/else/app:old"], "2020-01-01T00:00:00Z")
    #expect(!choice().choose(four + [shared]).contains { $0.references.contains("r.test/else/app:old") })
  }

  @Test func whatLostItsTagGoes() {
    let dangling = image("sha256:x", ["<none>:<none>"], "2026-01-09T00:00:00Z")
    #expect(choice(repositories: []).choose([dangling]).map(\.references) == [["sha256:x"]])
    #expect(choice(used: ["sha256:x"]).choose([dangling]).isEmpty)
  }

  @Test(arguments: [
    ("Deleted build cache objects:\nabc\n\nTotal reclaimed space: 1.2GB\n", 1_200_000_000),
    ("ID\nabc\nTotal:\t12.5MB\n", 12_500_000),
    ("Total reclaimed space: 0B\n", 0),
  ])
  func whatABuilderFreedIsRead(_ text: String, _ bytes: Int) { #expect(DockerPruning.total(text) == ByteCount(bytes)) }

  @Test func oldRecordsAndTreesGoAndYoungOnesStay() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "prune-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    let directories = StateDirectory(environment: ["HOME": root.path])
    func write(_ path: FilePath, age days: Double) throws {
      try FileManager.default.createDirectory(
        atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
      try Data("x".utf8).write(to: URL(filePath: path.string))
      for each in [path, path.removingLastComponent()] {
        try FileManager.default.setAttributes(
          [.modificationDate: Date().addingTimeInterval(-days * 86_400)], ofItemAtPath: each.string)
      }
    }
    // 23 records, of which the oldest three are beyond the twenty that always stay; one of these is still written to.
    let ids = (0..<23).map { ULID(milliseconds: UInt64(1_000 + $0), high: 0, low: 0).description }
    for id in ids { try write(directories.build(id).appending("log"), age: 30) }
    try write(directories.build(ids[1]).appending("log"), age: 0)
    try write(directories.state.appending("builds/keep-me/log"), age: 90)
    try write(directories.ancestors.appending("old.tree"), age: 30)
    try write(directories.ancestors.appending("new.tree"), age: 1)
    try write(directories.ancestors.appending("other"), age: 90)

    let pruning = LaptopPruning(directories: directories, limits: PruneLimits(days: 14), now: Date())
    let planned = pruning.run(isDry: true)
    #expect(planned.map(\.names) == [[ids[0], ids[2]], ["old.tree"]])
    #expect(planned.allSatisfy { !$0.isDone && $0.size > .zero })
    #expect(FileManager.default.fileExists(atPath: directories.build(ids[0]).string))
    let done = pruning.run(isDry: false)
    #expect(done.map(\.names) == planned.map(\.names))
    #expect(!FileManager.default.fileExists(atPath: directories.build(ids[0]).string))
    #expect(FileManager.default.fileExists(atPath: directories.build(ids[1]).string))
    #expect(FileManager.default.fileExists(atPath: directories.state.appending("builds/keep-me").string))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: directories.ancestors.string).sorted() == [
        "new.tree", "other",
      ])
    #expect(pruning.run(isDry: true).allSatisfy { $0.count == 0 })
  }
}
