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

  @Test func whatIsInADirectoryFollowsItAtOnce() throws {
    let tree = try Tree(["a.b", "a/c", "a", "a-b", "a/c/d", "b"].map { try entry($0) })
    #expect(tree.entries.map(\.path.description) == ["a", "a/c", "a/c/d", "a-b", "a.b", "b"])
  }

  @Test func theDigestCoversAllButTheTime() throws {
    let base = try Tree([entry("d"), entry("d/f", file("x")), entry("l", .symlink([0x61]))])
    #expect(
      try Tree([entry("d"), entry("d/f", file("x"), modified: 9), entry("l", .symlink([0x61]))]).digest == base.digest)
    var closed = base.entries
    closed[1].permissions = 0o700
    let others = [
      try Tree([entry("d"), entry("d/f", file("y")), entry("l", .symlink([0x61]))]),
      try Tree([entry("d"), entry("d/g", file("x")), entry("l", .symlink([0x61]))]),
      try Tree([entry("d"), entry("f", file("x")), entry("l", .symlink([0x61]))]),
      try Tree([entry("d"), entry("d/f", file("x")), entry("l", .symlink([0x62]))]),
      try Tree([entry("d"), entry("d/f", file("x"))]),
      try Tree(closed),
    ]
    #expect(Set(others.map(\.digest) + [base.digest]).count == others.count + 1)
  }

  @Test func operationsLeadFromAnyTreeToAnyOther() throws {
    let left = try Tree([entry("a"), entry("a/b", file("1")), entry("c", file("2")), entry("e")])
    let right = try Tree([entry("a", file("1")), entry("c", file("3")), entry("d"), entry("d/x", .symlink([0xff]))])
    for (from, to) in [(left, right), (right, left), (.empty, left), (left, .empty), (left, left)] {
      let operations = from.operations(to: to)
      let sent = try OperationWriter(operations).batches.flatMap { try readOperations($0) }
      #expect(sent == operations)
      #expect(try from.applying(sent) == to)
    }
    #expect(left.operations(to: left).isEmpty)
  }

  @Test func aTreeWithGapsIsRefused() throws {
    for paths in [["a/b"], ["a", "a/b/c"], ["a", "a"]] {
      #expect(throws: SyncError.self) { try Tree(paths.map { try entry($0) }) }
    }
    #expect(throws: SyncError.self) { try Tree([entry("a", file("x")), entry("a/b")]) }
    #expect(throws: SyncError.self) { try Tree([entry("a", .symlink([0x2f])), entry("a/b")]) }
  }
}
