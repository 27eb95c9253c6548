// SPDX-License-Identifier: Apache-2.0

/// What a channel may be called: a tag that can be taken neither for a version, which never moves, nor for an entry of a
/// channel's history.
public enum ChannelName {
  /// Why `name` cannot be a channel's, as a sentence without its place; `nil` where it can.
  public static func problem(_ name: String) -> String? {
    if let problem = TagGrammar.problem(with: name) { return problem }
    if VersionOrder.isVersion(name) {
      return "'\(name)' reads as a version, which never moves: name the channel by a word, such as stable"
    }
    let end = name.split(separator: ".", omittingEmptySubsequences: false).last ?? ""
    if name.contains("."), !end.isEmpty, end.utf8.allSatisfy({ (48...57).contains($0) }) {
      return "'\(name)' reads as an entry of a channel's history: name the channel by a word, such as stable"
    }
    return nil
  }
}
