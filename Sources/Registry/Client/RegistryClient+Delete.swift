// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// What goes when a manifest is deleted by its digest: registries take every tag on it along, and leave an index that
/// names it with a hole.
public struct DeletionClosure: Hashable, Sendable {
  public var digest: Digest
  /// The tags that stand on it.
  public var tags: [Tag]
  /// The tags of the indexes that would miss it.
  public var indexes: [Tag]
}

extension RegistryClient {
  /// Works out what deleting a manifest would take along, by looking at what every tag of the repository stands on.
  public func deletionClosure(of digest: Digest, in repository: RepositoryName) async throws -> DeletionClosure {
    let tags = try await tags(repository)
    let found = try await concurrently(tags) { tag in try await self.manifest(repository, .tag(tag)) }
    var closure = DeletionClosure(digest: digest, tags: [], indexes: [])
    for (tag, manifest) in zip(tags, found) {
      guard let manifest else { continue }
      if manifest.digest == digest { closure.tags.append(tag) }
      if case .index(let index) = manifest.content, index.manifests.contains(where: { $0.digest == digest }) {
        closure.indexes.append(tag)
      }
    }
    return closure
  }

  /// Deletes a manifest where nothing goes along but the tags named. Its blobs stay for the registry to sweep.
  ///
  /// - Parameter tags: The tags that may go with it.
  /// - Throws: ``RegistryError`` with code `refused`, before anything is deleted, where more would go.
  public func deleteManifest(_ repository: RepositoryName, _ digest: Digest, with tags: Set<Tag>) async throws {
    let closure = try await deletionClosure(of: digest, in: repository)
    let more = closure.tags.filter { !tags.contains($0) }
    guard more.isEmpty, closure.indexes.isEmpty else {
      let names = (more + closure.indexes).prefix(5).map(\.description).joined(separator: ", ")
      throw RegistryError(
        .refused, registry: address.description,
        "deleting \(repository)@\(digest) would take along what stands under \(names)",
        hint: "delete those first, or keep it")
    }
    let response = try await exchange(
      .delete, "/v2/\(repository)/manifests/\(digest)", scope: .delete(repository))
    // Where an earlier attempt's answer was lost, it is gone by now.
    guard response.isSuccess || response.status == 404 else {
      throw await failure(response, "delete \(repository)@\(digest)")
    }
  }

  /// Deletes a tag and nothing else, where the registry can do that (distribution specification 1.1); many cannot.
  ///
  /// - Returns: whether the tag is gone.
  public func deleteTag(_ repository: RepositoryName, _ tag: Tag) async throws -> Bool {
    let response = try await exchange(.delete, "/v2/\(repository)/manifests/\(tag)", scope: .delete(repository))
    guard response.isSuccess || [400, 404, 405, 501].contains(response.status) else {
      throw await failure(response, "delete the tag \(tag) of \(repository)")
    }
    return try await manifestHead(repository, .tag(tag)) == nil
  }
}
