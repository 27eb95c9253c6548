// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary
import Wire

@testable import Sync

/// What a scan notices, and what it need not look at.
@Suite struct ScanTests {
  /// A workspace whose stamps are old enough to be believed: a stat cache distrusts what is younger than two seconds.
  private func settled() async throws -> Fixture {
    let fixture = try Fixture()
    try fixture.write("a/one", "1")
    try fixture.write("a/deep/two", "2")
    try fixture.write("b/three", "3")
    try fixture.write(".dockerignore", "b\n")
    symlink("a/one", fixture.laptop + "/link")
    try await Self.untilSettled()
    _ = try await fixture.scan()
    return fixture
  }

  private static func untilSettled() async throws {
    let limit = FileStamp.now() + FileStamp.racy
    while FileStamp.now() <= limit { try await Task.sleep(for: .milliseconds(100)) }
  }

  private func finding(_ fixture: Fixture) throws -> StampCheck.Finding {
    let snapshot = try #require(Snapshot.load(AT_FDCWD, Array(fixture.cache.string.utf8)))
    let top = try Disk.open(AT_FDCWD, Array(fixture.laptop.utf8), O_RDONLY | O_DIRECTORY, path: "")
    defer { close(top) }
    return try StampCheck(snapshot, top: top, checksDirectories: true).run()
  }

  @Test func whatIsUnchangedIsNeitherListedNorRead() async throws {
    let fixture = try await settled()
    let snapshot = try #require(Snapshot.load(AT_FDCWD, Array(fixture.cache.string.utf8)))
    #expect(snapshot.summary.selection != nil)
    #expect(try finding(fixture) == .same)
    let again = try await fixture.scan()
    #expect(!again.isNew && again.filesHashed == 0)
  }

  @Test func anEditedFileIsReadAlone() async throws {
    let fixture = try await settled()
    let before = try await fixture.scan()
    let file = open(fixture.laptop + "/a/one", O_WRONLY | O_TRUNC)
    try Disk.write(file, Array("one".utf8), "")
    close(file)
    guard case .files(let numbers) = try finding(fixture) else {
      Issue.record("more than a file was found to be changed")
      return
    }
    #expect(numbers.count == 1)
    let after = try await fixture.scan()
    #expect(after.filesHashed == 1 && after.isNew && after.treeDigest != before.treeDigest)
    #expect(try after.entries.first { $0.path.description == "a/one" }?.content?.size == 3)
    #expect(try after.entries.count == before.entries.count)
  }

  @Test func whatLiesInARenamedDirectoryIsNotReadAgain() async throws {
    let fixture = try await settled()
    let before = try await fixture.scan()
    rename(fixture.laptop + "/a", fixture.laptop + "/other")
    let after = try await fixture.scan()
    #expect(after.filesHashed == 0 && after.treeDigest != before.treeDigest)
    let fresh = try await WorkspaceScanner(root: FilePath(fixture.laptop), contexts: [], cacheFile: nil).scan()
    #expect(fresh.treeDigest == after.treeDigest)
  }

  @Test(arguments: ["new", "gone", "renamed", "ignored", "chmod", "subtracted", "replaced", "relinked"])
  func everyOtherChangeIsSeen(_ change: String) async throws {
    let fixture = try await settled()
    let before = try await fixture.scan()
    switch change {
    case "new": try fixture.write("a/deep/new", "new")
    case "gone": try fixture.remove("a/deep/two")
    case "renamed": rename(fixture.laptop + "/a/deep", fixture.laptop + "/a/other")
    case "ignored": try fixture.write(".dockerignore", "a\n")
    case "chmod": chmod(fixture.laptop + "/a/deep", 0o700)
    case "subtracted": try fixture.write(".remoteignore", "a/deep\n")
    case "replaced":
      try fixture.remove("a/one")
      symlink("deep/two", fixture.laptop + "/a/one")
    default:
      unlink(fixture.laptop + "/link")
      symlink("a/two", fixture.laptop + "/link")
    }
    let after = try await fixture.scan()
    #expect(after.treeDigest != before.treeDigest)
    let fresh = try await WorkspaceScanner(root: FilePath(fixture.laptop), contexts: [], cacheFile: nil).scan()
    #expect(fresh.treeDigest == after.treeDigest)
  }

  @Test func whatComesIntoADirectoryOfWhichNothingIsTakenIsSeen() async throws {
    let fixture = try Fixture()
    try fixture.write(".dockerignore", "*\n!**/*.keep\n")
    try fixture.write("d/other", "x")
    try await Self.untilSettled()
    let before = try await fixture.scan()
    try fixture.write("d/new.keep", "x")
    #expect(try await fixture.scan().treeDigest != before.treeDigest)
  }

  @Test func namesThatAFilesystemTakesForOneAreRefused() throws {
    let entries = try ["d", "d/README", "d/Readme", "e"].map { path in
      TreeEntry(path: try TreePath(path), kind: .directory, permissions: 0o755, modified: 0)
    }
    let scratch = try Scratch()
    let target = try snapshot([entries[0], entries[1], entries[2], entries[3]])
    let steps = try Difference(from: .empty, to: target, scratch: scratch.descriptor, stands: { _ in false }).steps
    func plan(_ folding: NameFolding) throws -> ApplyPlan {
      var planner = ApplyPlanner(.empty, steps, root: nil, adopt: false, folding: folding)
      return try planner.plan(SnapshotWriter(scratch.descriptor, nil, path: ""), allowMassDelete: false)
    }
    #expect(try plan(NameFolding()).target.digest == target.digest)
    let refused = #expect(throws: ServiceFailure.self) { try plan(NameFolding(ignoresCase: true)) }
    #expect(refused?.code == Refusal.namesMerge.rawValue)
    #expect(refused?.message.contains("d/README") == true && refused?.message.contains("d/Readme") == true)
    let composed = NameFolding(ignoresComposition: true)
    #expect(composed.folded(Array("e\u{301}".utf8)) == composed.folded(Array("\u{e9}".utf8)))
    #expect(composed.folded(Array("E".utf8)) != composed.folded(Array("e".utf8)))
  }
}
