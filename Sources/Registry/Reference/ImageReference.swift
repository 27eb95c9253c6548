// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// An image's full name: registry, repository, and a tag, a digest, or both.
public struct ImageReference: Hashable, Sendable, CustomStringConvertible {
  public var registry: RegistryAddress
  public var repository: RepositoryName
  public var tag: Tag?
  public var digest: Digest?

  public init(registry: RegistryAddress, repository: RepositoryName, tag: Tag? = nil, digest: Digest? = nil) {
    self.registry = registry
    self.repository = repository
    self.tag = tag
    self.digest = digest
  }

  /// Parses `[registry/]name[:tag][@digest]` as Docker does: what stands before the first slash is a registry when it
  /// holds a dot or a colon or is `localhost`; else the registry is Docker Hub, and a name of one part is in `library`.
  ///
  /// - Throws: ``RegistryError`` with code `invalidReference`.
  public init(_ text: String) throws(RegistryError) {
    var rest = Substring(text)
    if let at = rest.firstIndex(of: "@") {
      guard let digest = Digest(String(rest[rest.index(after: at)...])) else {
        throw RegistryError(
          .invalidReference, "“\(text.shownSafely)” has no SHA-256 digest behind its @",
          hint: "write it as name@sha256: and 64 lower-case hexadecimal digits")
      }
      self.digest = digest
      rest = rest[..<at]
    }
    let lastSlash = rest.lastIndex(of: "/") ?? rest.startIndex
    if let colon = rest[lastSlash...].lastIndex(of: ":") {
      tag = try Tag(String(rest[rest.index(after: colon)...]))
      rest = rest[..<colon]
    }
    if let slash = rest.firstIndex(of: "/"), Self.isRegistry(rest[..<slash]) {
      registry = try RegistryAddress(String(rest[..<slash]))
      rest = rest[rest.index(after: slash)...]
      if registry.host == "index.docker.io" { registry = .dockerHub }
    } else {
      registry = .dockerHub
    }
    let isOfficial = registry == .dockerHub && !rest.contains("/")
    repository = try RepositoryName(isOfficial ? "library/\(rest)" : String(rest))
  }

  private static func isRegistry(_ part: Substring) -> Bool {
    part.contains(".") || part.contains(":") || part == "localhost" || part.contains { $0.isUppercase }
  }

  /// What to ask the registry for: the digest where there is one, else the tag, else `latest`.
  public var reference: ManifestReference {
    if let digest { return .digest(digest) }
    return tag.map(ManifestReference.tag) ?? .tag(Tag.latest)
  }

  public var description: String {
    "\(registry)/\(repository)" + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
  }
}

extension Tag {
  /// What a name without a tag means.
  public static let latest = Tag(unchecked: "latest")
}
