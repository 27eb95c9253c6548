// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// The labels that tell where an image comes from. What is not known has no label.
public struct ImageLabels: Hashable, Sendable {
  public static let buildKeyName = "dev.remote-build.build-key"
  public static let treeDigestName = "dev.remote-build.tree-digest"

  /// The commit's time, not the build's, so that the same inputs make the same config.
  public var created: Date?
  /// The commit's full id.
  public var revision: String?
  /// The version's tag.
  public var version: String?
  /// Where the sources are, a URL without credentials.
  public var source: String?
  /// The reference of the image that it stands on.
  public var baseName: String?
  public var baseDigest: Digest?
  public var buildKey: Digest?
  public var treeDigest: Digest?

  public init(
    created: Date? = nil, revision: String? = nil, version: String? = nil, source: String? = nil,
    baseName: String? = nil, baseDigest: Digest? = nil, buildKey: Digest? = nil, treeDigest: Digest? = nil
  ) {
    self.created = created
    self.revision = revision
    self.version = version
    self.source = source
    self.baseName = baseName
    self.baseDigest = baseDigest
    self.buildKey = buildKey
    self.treeDigest = treeDigest
  }

  /// By name, as `--label` takes them: the OCI image specification's ("Annotations") and our own two.
  public var dictionary: [String: String] {
    let values: [String: String?] = [
      "org.opencontainers.image.created": created?.formatted(.iso8601),
      "org.opencontainers.image.revision": revision,
      "org.opencontainers.image.version": version,
      "org.opencontainers.image.source": source,
      "org.opencontainers.image.base.name": baseName,
      "org.opencontainers.image.base.digest": baseDigest?.description,
      Self.buildKeyName: buildKey?.description,
      Self.treeDigestName: treeDigest?.description,
    ]
    return values.compactMapValues { $0 }
  }
}
