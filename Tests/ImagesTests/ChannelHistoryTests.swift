// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary

@testable import Images

@Suite struct ChannelHistoryTests {
  /// A history of releases named by one letter each, the last of them the channel's own tag after `|`.
  private func history(_ text: String) -> ChannelHistory {
    let parts = text.split(separator: "|", omittingEmptySubsequences: false)
    return ChannelHistory(
      entries: parts[0].enumerated().map { .init(number: $0 + 1, digest: Self.digest($1)) },
      current: parts[1].first.map(Self.digest))
  }

  private static func digest(_ letter: Character) -> Digest { Digest.sha256(of: String(letter).utf8) }

  /// What a rollback walks back along, the oldest first.
  @Test(arguments: [
    ("|", ""), ("a|a", "a"), ("abc|c", "abc"),
    // Rolled back once, twice.
    ("abcb|b", "ab"), ("abcba|a", "a"),
    // Forward again: what was left is no longer before it.
    ("abcbd|d", "abd"), ("abcbad|d", "ad"),
    // The release that was left, promoted again.
    ("abcbc|c", "abc"),
    // A step back to a release of the line by name cuts off all behind it.
    ("abcda|a", "a"), ("abcdb|b", "ab"),
    // The channel is where its history does not say: pushed by another tool, moved by hand, cut off.
    ("ab|x", "abx"), ("|x", "x"), ("abc|b", "ab"),
    // The history goes on though the channel's own tag is gone.
    ("ab|", "ab"),
  ])
  func theLine(_ moves: String, _ line: String) {
    #expect(history(moves).line == line.map(Self.digest))
  }

  @Test(arguments: [
    ("abc|c", false), ("abc|b", true), ("abc|a", true), ("abc|x", false), ("abcb|b", false), ("abcb|c", false),
    ("|", false),
    ("|x", false),
  ])
  func aStepBackThatIsNotNoted(_ moves: String, _ isOne: Bool) {
    #expect(history(moves).hasUnnotedStepBack == isOne)
  }

  @Test func entriesAreSortedByNumberAndNotByText() {
    let entries = (1...11).reversed().map {
      ChannelHistory.Entry(number: $0, digest: Digest.sha256(of: "\($0)".utf8))
    }
    let history = ChannelHistory(entries: entries, current: nil)
    #expect(history.entries.map(\.number) == Array(1...11))
    #expect(history.nextNumber == 12)
  }

  @Test(arguments: [
    ("stable.1", 1), ("stable.12", 12), ("stable.01", nil), ("stable.", nil), ("stable", nil), ("stable.x", nil),
    ("stable.1.2", nil), ("unstable.1", nil), ("stable.9999999999999", nil), ("stable.-1", nil), ("stable.0", nil),
  ])
  func tagsOfTheHistory(_ tag: String, _ number: Int?) {
    #expect(ChannelHistory.number(of: tag, in: "stable") == number)
  }
}

@Suite struct VersionOrderTests {
  @Test func versionsAreOrderedByTheirNumbers() {
    let order = [
      "v0.9", "v1.0.0-rc1", "v1.0.0-rc2", "v1.0.0", "v1.0.1", "v1.0.1-3-gabc1234", "v1.0.2", "v1.0.9", "v1.0.10",
      "v1.10",
      "v2",
    ]
    #expect(order.shuffled().sorted(by: VersionOrder.areInIncreasingOrder) == order)
    for tag in order { #expect(!VersionOrder.areInIncreasingOrder(tag, tag)) }
  }

  @Test(arguments: [("v1.0.1", true), ("1.2", true), ("stable", false), ("v", false), ("", false), ("verse", false)])
  func whatIsAVersion(_ tag: String, _ isOne: Bool) { #expect(VersionOrder.isVersion(tag) == isOne) }
}
