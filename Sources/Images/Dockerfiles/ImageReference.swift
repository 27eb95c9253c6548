// SPDX-License-Identifier: Apache-2.0

/// A reference's parts, as far as the images of a project are concerned: `registry/repository[:tag][@digest]`. Without
/// a registry it is one of `docker.io`, as Docker reads it.
struct ImageReference: Hashable {
  /// In lower case.
  var registry: String
  var repository: String
  var tag: String?
  var digest: String?

  /// `nil` for what is no reference.
  init?(_ text: String) {
    var rest = Substring(text)
    if let at = rest.firstIndex(of: "@") {
      let digest = rest[rest.index(after: at)...]
      guard let colon = digest.firstIndex(of: ":"), colon != digest.startIndex, digest[colon...].count >= 33 else {
        return nil
      }
      self.digest = String(digest)
      rest = rest[..<at]
    }
    let slash = rest.lastIndex(of: "/")
    if let colon = rest[(slash ?? rest.startIndex)...].firstIndex(of: ":") {
      let tag = String(rest[rest.index(after: colon)...])
      // Capitals are fine in the tags of others.
      guard TagGrammar.problem(with: tag.lowercased()) == nil else { return nil }
      self.tag = tag
      rest = rest[..<colon]
    }
    var components = rest.split(separator: "/", omittingEmptySubsequences: false)
    registry = "docker.io"
    if components.count > 1, let first = components.first,
      first.contains(".") || first.contains(":") || first == "localhost"
    {
      guard let address = RegistryAddress.normalized(String(first)) else { return nil }
      registry = address == "index.docker.io" ? "docker.io" : address
      components.removeFirst()
    }
    guard components.allSatisfy({ TagGrammar.isComponent($0) }) else { return nil }
    repository =
      (registry == "docker.io" && components.count == 1 ? "library/" : "") + components.joined(separator: "/")
  }
}
