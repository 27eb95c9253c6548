// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// A channel's history, as a registry tells it: the tags `CHANNEL.1`, `CHANNEL.2` …, each on what the channel was moved
/// to then, and the channel's own tag.
///
/// What lies before a release is told by its **line**. The history is read from the oldest entry on; an entry that is not
/// on the line is put at its end, and one that is on it cuts off all behind it. So a move to an earlier release is a step
/// back, whatever command made it: the next step back goes on from there, and a release promoted after it stands on
/// where the step led to, not on what was left.
public struct ChannelHistory: Hashable, Sendable {
  public struct Entry: Hashable, Sendable {
    public var number: Int
    public var digest: Digest

    public init(number: Int, digest: Digest) {
      self.number = number
      self.digest = digest
    }
  }

  /// Sorted by number.
  public let entries: [Entry]
  /// Where the channel's own tag stands; `nil` where there is none.
  public let current: Digest?

  public init(entries: [Entry], current: Digest?) {
    self.entries = entries.sorted { $0.number < $1.number }
    self.current = current
  }

  /// The releases that lead to where the channel stands, the oldest first; it stands on the last.
  public var line: [Digest] { Self.line(entries.map(\.digest) + (current.map { [$0] } ?? [])) }

  /// Whether the channel stands on an earlier release of its line, and its history does not say so: a step back that was
  /// cut off before it was noted, or that another tool made.
  public var hasUnnotedStepBack: Bool {
    guard let current, let last = entries.last?.digest, current != last else { return false }
    return Self.line(entries.map(\.digest)).contains(current)
  }

  /// Whether its last entry is what it stands on.
  public var isNoted: Bool { current == entries.last?.digest }

  /// The number that the next entry takes.
  public var nextNumber: Int { (entries.last?.number ?? 0) + 1 }

  private static func line(_ moves: [Digest]) -> [Digest] {
    var line: [Digest] = []
    for digest in moves {
      if let place = line.firstIndex(of: digest) {
        line.removeSubrange((place + 1)...)
      } else {
        line.append(digest)
      }
    }
    return line
  }

  /// The tag of an entry.
  public static func tag(_ channel: String, _ number: Int) -> String { "\(channel).\(number)" }

  /// The number that a tag has in the history of `channel`; `nil` for other tags.
  public static func number(of tag: String, in channel: String) -> Int? {
    guard tag.hasPrefix("\(channel).") else { return nil }
    let digits = tag.dropFirst(channel.count + 1)
    guard (1...12).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }), digits.first != "0"
    else { return nil }
    return Int(digits)
  }
}
