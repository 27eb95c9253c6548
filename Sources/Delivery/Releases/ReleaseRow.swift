// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A release in a registry, as `remote-build releases` lists it.
public struct ReleaseRow: Codable, Sendable, Hashable {
  public var image: String
  /// Its version's tag; one of a channel's history where nothing else stands on it.
  public var tag: String
  /// `registry/owner/name:tag`.
  public var reference: String
  /// `nil` where its manifest cannot be had.
  public var digest: Digest?
  /// When the image was made, as its configuration says; else the commit's time.
  public var created: Date?
  public var platforms: [Platform]
  /// What the registry keeps for it, compressed; each layer counts for every release that has it.
  public var size: ByteCount?
  /// The reference of the image that it stands on.
  public var base: String?
  public var baseDigest: Digest?
  /// The commit.
  public var revision: String?
  public var tree: Digest?
  public var buildKey: Digest?
  /// The channels that stand on it now.
  public var channels: [String]
  /// The tags of channels' histories that stand on it.
  public var history: [String]
  /// Whether the manifest, configurations and layers are all there with their sizes.
  public var isWhole: Bool
  /// What is missing or damaged.
  public var problems: [String]
  /// Who moved a channel to it, or pushed it, last, as far as this laptop's audit log knows: `user@laptop`.
  public var by: String?

  /// Whether it carries the labels of a build by this tool.
  public var isBuiltHere: Bool { buildKey != nil }
}

extension ReleaseRow: CustomStringConvertible {
  public var description: String {
    ([reference, digest?.description ?? "", size?.description ?? ""] + channels + (isWhole ? [] : ["broken"]))
      .filter { !$0.isEmpty }.joined(separator: "  ")
  }
}
