// SPDX-License-Identifier: Apache-2.0

/// What tag an image is pushed under: one that is written down, or one that Git makes.
public enum Version: Hashable, Sendable, CustomStringConvertible {
  /// A tag; see ``TagGrammar``.
  case fixed(String)
  /// Made of the commit that is built; see ``GitDescription``.
  case git

  /// `git`, or a version's tag. Throws ``ImagesError`` for what can be no immutable tag, `latest` included.
  public init(_ text: String) throws(ImagesError) {
    if text == "git" {
      self = .git
      return
    }
    if let problem = TagGrammar.problem(withVersion: text) { throw ImagesError(.version, problem) }
    self = .fixed(text)
  }

  public var description: String {
    switch self {
    case .fixed(let tag): tag
    case .git: "git"
    }
  }
}
