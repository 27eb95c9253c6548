// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import SystemPackage
import Testing

@testable import Sync

/// Random ignore files over random trees: what is managed is what the builder puts into an image with `COPY . /`.
///
/// `SYNC_ORACLE_SEED` repeats one seed, `SYNC_ORACLE_CASES` says how many ignore files a tree is asked for.
@Suite(.serialized) struct OracleTests {
  private static let cases = TestSetting.number("SYNC_ORACLE_CASES", 24)
  private static let options = LabOptions(hosts: [.init("lab-1")], engine: .own)

  @Test(
    .enabled(if: geteuid() == 0, "an engine of the lab's own needs root"),
    arguments: TestSetting.seeds("SYNC_ORACLE_SEED", [1, 2]))
  func whatIsManagedIsWhatTheBuilderTakes(seed: UInt64) async throws {
    let lab = try await Lab.shared(Self.options)
    let oracle = BuilderOracle(engine: try #require(lab.description.host("lab-1")?.docker))
    let fixture = try Fixture()
    var random = RandomContext(seed)
    for path in random.tree() { try fixture.place("ctx/" + path) }
    print("oracle test: SYNC_ORACLE_SEED=\(seed), \(Self.cases) ignore files")
    var nonempty = 0
    for number in 0..<Self.cases {
      let ignore = random.ignoreFile()
      // In turn: an ignore file of the Dockerfile's own, beside it and in the context; and the context's.
      let dockerfile = number.isMultiple(of: 2) ? "ctx/\(number).Dockerfile" : "build/Dockerfile"
      let file = number.isMultiple(of: 2) ? "\(dockerfile).dockerignore" : "ctx/.dockerignore"
      try fixture.write(dockerfile, "FROM scratch\nCOPY . /\n")
      try fixture.write(file, ignore)
      let ours = await fixture.taken(ImageContext(image: "x", directory: "ctx", dockerfile: dockerfile))
      let theirs = await Result {
        try await oracle.paths(
          context: fixture.laptop + "/ctx", dockerfile: "\(fixture.laptop)/\(dockerfile)", scratch: fixture.top)
      }
      // These two are always sent, since the builder reads them; whether they get into the image is not asked here.
      let apart = Set([dockerfile, file].map { String($0.dropFirst(4)) })
      let place = "seed \(seed), case \(number): \(ignore.debugDescription)"
      switch (ours, theirs) {
      case (.success(let ours), .success(let theirs)):
        // Versions differ in what exceptions bring back: all that any of them takes is managed.
        let missing = theirs.subtracting(ours).subtracting(apart)
        #expect(missing.sorted() == [], "\(place)")
        if !RandomContext.hasException(ignore) {
          #expect(ours.subtracting(theirs).subtracting(apart).sorted() == [], "\(place)")
        }
        if !theirs.subtracting(apart).isEmpty { nonempty += 1 }
      case (.failure(let error), .failure(let refused)):
        #expect((error as? SyncError)?.code == .badPattern && refused is BuilderOracle.Refused, "\(place): \(error)")
      default:
        Issue.record("\(place): ours \(ours), the builder's \(theirs)")
      }
      try fixture.remove(file, in: fixture.laptop)
      try fixture.remove(dockerfile, in: fixture.laptop)
    }
    // Ignore files that take everything away would prove nothing.
    #expect(nonempty > Self.cases / 3)
  }
}

extension Fixture {
  /// Makes what a path of a listing names: a directory where it ends in a slash, a link where it ends in `@`, a file.
  fileprivate func place(_ path: String) throws {
    let full = laptop + "/" + path
    if path.hasSuffix("/") {
      try FileManager.default.createDirectory(atPath: full, withIntermediateDirectories: true)
    } else if path.hasSuffix("@") {
      try FileManager.default.createSymbolicLink(atPath: String(full.dropLast()), withDestinationPath: "nowhere")
    } else {
      try write(path, path)
    }
  }

  /// What is managed below `ctx`, as the builder's listing names it.
  fileprivate func taken(_ context: ImageContext) async -> Result<Set<String>, any Error> {
    await Result {
      let entries = try await scan([context]).entries
      return Set(
        entries.map { $0.path.description + ($0.isDirectory ? "/" : "") }
          .filter { $0.hasPrefix("ctx/") && $0 != "ctx/" }.map { String($0.dropFirst(4)) })
    }
  }
}

extension Result where Failure == any Error {
  fileprivate init(_ body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
