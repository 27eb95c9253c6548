// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// What Git says of the commit that is built, and the version that this makes:
///
/// | the commit | the tag |
/// |---|---|
/// | is `v1.0.1` | `v1.0.1` |
/// | is three after it | `v1.0.1-3-gabc1234` |
/// | has no version's tag before it, and 42 commits lead to it | `v0.0.0-42-gabc1234` |
/// | and the tree is not the commit | the same and `-dirty.9f2c41d0`, of the tree digest |
public struct GitDescription: Hashable, Sendable {
  /// What `git describe --tags --long --match 'v[0-9]*'` printed: `v1.0.1-3-gabc1234`; `nil` without such a tag.
  public var described: String?
  /// The commit's full id.
  public var revision: String
  /// How many commits lead to it, itself included.
  public var commits: Int
  /// Whether the tree differs from the commit.
  public var isDirty: Bool

  public init(described: String?, revision: String, commits: Int, isDirty: Bool) {
    self.described = described
    self.revision = revision
    self.commits = commits
    self.isDirty = isDirty
  }

  /// The version's tag. Capitals become small letters. Throws ``ImagesError`` where the name of Git's tag cannot be one
  /// of a registry.
  /// - Parameter treeDigest: of what is built; it tells one dirty tree from another.
  public func tag(treeDigest: Digest) throws(ImagesError) -> String {
    let base = try baseTag().lowercased()
    let tag = isDirty ? "\(base)-dirty.\(treeDigest.short)" : base
    if TagGrammar.problem(withVersion: tag) != nil {
      throw ImagesError(
        .version,
        "Git's tag makes the version '\(tag)', which cannot be a tag in a registry: there it is at most 128 letters, "
          + "digits, '.', '_' and '-'")
    }
    return tag
  }

  private func baseTag() throws(ImagesError) -> String {
    guard let described else { return "v0.0.0-\(commits)-g\(revision.prefix(7))" }
    // A tag's own name may hold hyphens: only the last two parts are Git's.
    let parts = described.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 3, let ahead = Int(parts[parts.count - 2]), parts[parts.count - 1].first == "g" else {
      throw ImagesError(.version, "Git described the commit as '\(described)', where TAG-COMMITS-gID was expected")
    }
    return ahead == 0 ? parts.dropLast(2).joined(separator: "-") : described
  }
}
