// SPDX-License-Identifier: Apache-2.0

/// Orders tags as versions: runs of digits by their value, all else by its bytes, so that `v1.0.10` comes after
/// `v1.0.9`. Of two that differ only in what follows, `v1.0.1-3-gabc1234`, which is later, comes after `v1.0.1`; but a
/// pre-release (`-alpha`, `-beta`, `-rc`, `-pre`) comes before.
public enum VersionOrder {
  public static func areInIncreasingOrder(_ left: String, _ right: String) -> Bool {
    let (left, right) = (parts(left), parts(right))
    for (one, other) in zip(left, right) where one != other { return one < other }
    if left.count == right.count { return false }
    let (longer, rest) =
      left.count > right.count ? (true, left[right.count...]) : (false, right[left.count...])
    return isPreRelease(rest) == longer
  }

  /// Whether a tag looks like a version, and not like a channel: it begins with a digit, or with `v` and one.
  public static func isVersion(_ tag: String) -> Bool {
    let first = tag.hasPrefix("v") ? tag.dropFirst().utf8.first : tag.utf8.first
    return first.map { (48...57).contains($0) } ?? false
  }

  private enum Part: Equatable, Comparable {
    /// Of any length: leading zeros are gone, so that more digits are a larger number.
    case text(String)
    case number(length: Int, digits: String)
  }

  private static func parts(_ tag: String) -> [Part] {
    var parts: [Part] = []
    var rest = Substring(tag)
    while let first = rest.utf8.first {
      let isDigit = (48...57).contains(first)
      let run = rest.prefix { character in (character.isASCII && character.isNumber) == isDigit }
      // A text is cut at the hyphen, so that what follows a version is a part of its own.
      let text = isDigit ? run : run.dropFirst().firstIndex(of: "-").map { run[..<$0] } ?? run
      if isDigit {
        let digits = text.drop { $0 == "0" }
        parts.append(.number(length: digits.count, digits: String(digits)))
      } else {
        parts.append(.text(String(text)))
      }
      rest = rest[text.endIndex...]
    }
    return parts
  }

  private static func isPreRelease(_ rest: ArraySlice<Part>) -> Bool {
    guard case .text(let text)? = rest.first else { return false }
    return ["-alpha", "-beta", "-rc", "-pre"].contains { text.hasPrefix($0) }
  }
}
