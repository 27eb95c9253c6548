// SPDX-License-Identifier: Apache-2.0

internal import Foundation

extension RegistryClient {
  /// All tags of a repository, sorted by their bytes, each once; empty for a repository that is not there.
  public func tags(_ repository: RepositoryName) async throws -> [Tag] {
    struct Page: Decodable { var tags: [String]? }
    var names: Set<String> = []
    var seen: Set<HTTPLocation> = []
    var next: HTTPLocation? = address.endpoint.at("/v2/\(repository)/tags/list?n=1000")
    while let location = next, seen.insert(location).inserted {
      guard seen.count <= 1000 else {
        throw RegistryError(
          .protocolViolation, registry: address.description, "its list of the tags of \(repository) has no end")
      }
      let response = try await exchange(HTTPRequest(.get, location), scope: .pull(repository))
      if response.status == 404 { break }
      guard response.isSuccess else { throw await failure(response, "list the tags of \(repository)") }
      guard let page = try? JSONDecoder().decode(Page.self, from: Data(response.body)) else {
        throw RegistryError(
          .protocolViolation, registry: address.description, "its list of the tags of \(repository) cannot be read")
      }
      let before = names.count
      names.formUnion(page.tags ?? [])
      guard names.count <= Self.mostTags else {
        throw RegistryError(
          .tooLarge, registry: address.description, "it lists more than \(Self.mostTags) tags of \(repository)")
      }
      // Gitea links its last page to one more, and a page that brings nothing new will bring nothing new again.
      next = names.count == before ? nil : Self.next(response)
      if let there = next, !there.hasSameOrigin(as: address.endpoint) {
        // A registry behind a proxy may name itself as it knows itself; only its path is of use then.
        next = address.endpoint.at(there.target)
      }
    }
    return names.compactMap { try? Tag($0) }.sorted()
  }

  /// More than a repository has, and few enough to keep.
  private static let mostTags = 100_000

  /// RFC 8288: `</v2/…?last=…>; rel="next"`.
  private static func next(_ response: HTTPResponse) -> HTTPLocation? {
    for link in response.values("Link").flatMap({ $0.split(separator: ",") }) {
      let parts = link.split(separator: ";").map { $0.trimmingASCIISpace }
      guard let target = parts.first, target.hasPrefix("<"), target.hasSuffix(">") else { continue }
      let isNext = parts.dropFirst().contains {
        let text = $0.lowercased().filter { $0 != " " && $0 != "\"" }
        return text == "rel=next"
      }
      if isNext { return response.location.resolving(String(target.dropFirst().dropLast())) }
    }
    return nil
  }
}
