// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Sync

@Suite struct TreeTests {
  private func entry(_ path: String, _ kind: TreeEntry.Kind = .directory, modified: Int64 = 0) throws -> TreeEntry {
    TreeEntry(path: try TreePath(path), kind: kind, permissions: 0o755, modified: modified)
  }

  private func file(_ text: String) -> TreeEntry.Kind {
    .file(Content(digest: .sha256(of: text), size: UInt64(text.utf8.count)))
  }

  private func entries(_ snapshot: Snapshot) throws -> [TreeEntry] {
    var entries: [TreeEntry] = []
    try snapshot.visit { entries.append($0.entry) }
    return entries
  }

  @Test func whatIsInADirectoryFollowsItAtOnce() throws {
    let paths = try ["a.b", "a/c", "a", "a-b", "a/c/d", "b"].map { try TreePath($0) }
    #expect(paths.sorted().map(\.description) == ["a", "a/c", "a/c/d", "a-b", "a.b", "b"])
  }

  @Test func theDigestCoversAllButTheTime() throws {
    let base = try [entry("d"), entry("d/f", file("x")), entry("l", .symlink([0x61]))]
    let digest = try snapshot(base).digest
    var later = base
    later[1].modified = 9
    #expect(try snapshot(later).digest == digest)
    #expect(try snapshot(later).summary.identity != snapshot(base).summary.identity)
    var closed = base
    closed[1].permissions = 0o700
    var linked = try base + [entry("m", file("x"))]
    linked[3].link = linked[1].path
    let others = [
      try snapshot([entry("d"), entry("d/f", file("y")), entry("l", .symlink([0x61]))]),
      try snapshot([entry("d"), entry("d/g", file("x")), entry("l", .symlink([0x61]))]),
      try snapshot([entry("d"), entry("f", file("x")), entry("l", .symlink([0x61]))]),
      try snapshot([entry("d"), entry("d/f", file("x")), entry("l", .symlink([0x62]))]),
      try snapshot([entry("d"), entry("d/f", file("x"))]),
      try snapshot(base + [entry("m", file("x"))]),
      try snapshot(linked),
      try snapshot(closed),
    ]
    #expect(Set(others.map(\.digest) + [digest]).count == others.count + 1)
  }

  @Test func aSnapshotKeepsWhatItWasGiven() throws {
    var entries: [TreeEntry] = [try entry("d")]
    for number in 1000..<5000 { entries.append(try entry("d/file\(number)", file("\(number)"), modified: -5)) }
    entries.append(try entry("l", .symlink([0xff, 0x0a])))
    let made = try snapshot(entries)
    #expect(try self.entries(made) == entries)
    #expect(made.summary.entries == 4002 && made.summary.files == 4001)
  }

  @Test func stepsLeadFromAnyTreeToAnyOther() throws {
    let left = try snapshot([
      entry("a"), entry("a/b", file("1")), entry("c", file("2")), entry("e"), entry("g"), entry("g/h", file("9")),
    ])
    let right = try snapshot([
      entry("a", file("1")), entry("c", file("3")), entry("d"), entry("d/x", .symlink([0xff])), entry("g", file("0")),
    ])
    let scratch = try Scratch()
    for (from, to) in [(left, right), (right, left), (.empty, left), (left, .empty), (left, left)] {
      let steps = try Difference(from: from, to: to, scratch: scratch.descriptor, stands: { _ in false }).steps
      let made = try from.applying(steps, scratch: scratch.descriptor)
      #expect(try entries(made) == entries(to))
      #expect(made.digest == to.digest)
    }
    #expect(
      try Difference(from: left, to: left, scratch: scratch.descriptor, stands: { _ in false }).steps.bytes == 0)
  }

  @Test func aTreeWithGapsIsRefused() throws {
    for paths in [["a/b"], ["a", "a/b/c"], ["a", "a"], ["b", "a"]] {
      #expect(throws: SyncError.self) { try snapshot(paths.map { try entry($0) }) }
    }
    #expect(throws: SyncError.self) { try snapshot([entry("a", file("x")), entry("a/b")]) }
    #expect(throws: SyncError.self) { try snapshot([entry("a", .symlink([0x2f])), entry("a/b")]) }
  }
}
