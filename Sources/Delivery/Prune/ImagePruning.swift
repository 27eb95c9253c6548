// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Vocabulary

/// Decides which images of ours a host needs no more: a pure choice over what its builder lists.
struct ImagePruning: Sendable {
  /// An image as `docker image inspect` tells of it.
  struct Listed: Decodable, Sendable, Hashable {
    struct Configuration: Decodable, Sendable, Hashable {
      var labels: [String: String]?
    }
    var id: String
    var repoTags: [String]?
    var repoDigests: [String]?
    /// RFC 3339, which sorts as text.
    var created: String
    var size: Int64
    var config: Configuration?

    var isOurs: Bool { config?.labels?[ImageLabels.buildKeyName] != nil }
    var tags: [String] { (repoTags ?? []).filter { !$0.hasPrefix("<none>") } }
    var digests: [String] { (repoDigests ?? []).filter { !$0.hasPrefix("<none>") } }
  }

  struct Choice: Sendable, Hashable {
    /// What `docker image rm` is given: its tags, else its id.
    var references: [String]
    /// Names by digest, which go with the last tag of their repository, or else by themselves.
    var digests: [String]
    var size: ByteCount
  }

  /// `registry/owner/name` of the workspace's images; releases of others are not ours to judge.
  var repositories: Set<String>
  /// Tags that stay: channels, their history, and the versions that the workspace names.
  var keptTags: Set<String>
  /// Manifest digests that stay, such as those that a channel refers to.
  var keptDigests: Set<String>
  /// Ids of images that containers were made of.
  var used: Set<String>
  /// How many releases of each repository stay, the newest.
  var releases: Int

  func choose(_ images: [Listed]) -> [Choice] {
    var kept: Set<String> = used
    for image in images where stays(image) { kept.insert(image.id) }
    var byRepository: [String: [Listed]] = [:]
    for image in images {
      for repository in Set(image.tags.map(Self.repository)) { byRepository[repository, default: []].append(image) }
    }
    for (_, releases) in byRepository {
      for image in releases.sorted(by: { ($0.created, $0.id) > ($1.created, $1.id) }).prefix(self.releases) {
        kept.insert(image.id)
      }
    }
    return images.filter { $0.isOurs && !kept.contains($0.id) && isJudged($0) }.map { image in
      Choice(
        references: image.tags.isEmpty ? [image.id] : image.tags, digests: image.tags.isEmpty ? [] : image.digests,
        size: ByteCount(image.size))
    }
  }

  /// One without a tag was built over; of others only the workspace's own are known well enough.
  private func isJudged(_ image: Listed) -> Bool {
    image.tags.allSatisfy { repositories.contains(Self.repository($0)) }
  }

  private func stays(_ image: Listed) -> Bool {
    image.tags.contains { keptTags.contains(Self.tag($0)) }
      || image.digests.contains { digest in keptDigests.contains { digest.hasSuffix("@\($0)") } }
  }

  static func repository(_ reference: String) -> String {
    reference.lastIndex(of: ":").map { String(reference[..<$0]) } ?? reference
  }

  static func tag(_ reference: String) -> String {
    reference.lastIndex(of: ":").map { String(reference[reference.index(after: $0)...]) } ?? ""
  }
}
