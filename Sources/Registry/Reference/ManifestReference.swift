// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// How a manifest is named within its repository: by a tag, which may move, or by its digest, which cannot.
public enum ManifestReference: Hashable, Sendable, CustomStringConvertible {
  case tag(Tag)
  case digest(Digest)

  /// Parses a tag or `sha256:…`.
  ///
  /// - Throws: ``RegistryError`` with code `invalidReference`.
  public init(_ text: String) throws(RegistryError) {
    if let digest = Digest(text) { self = .digest(digest) } else { self = .tag(try Tag(text)) }
  }

  public var description: String {
    switch self {
    case .tag(let tag): tag.description
    case .digest(let digest): digest.description
    }
  }

  /// As it stands behind a repository's name: `:v1.0.2` or `@sha256:…`.
  var suffix: String {
    switch self {
    case .tag(let tag): ":\(tag)"
    case .digest(let digest): "@\(digest)"
    }
  }
}
