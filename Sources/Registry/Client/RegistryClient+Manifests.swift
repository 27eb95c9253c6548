// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

extension RegistryClient {
  /// The manifest or index under a tag or digest.
  ///
  /// - Returns: `nil` where there is none.
  public func manifest(_ repository: RepositoryName, _ reference: ManifestReference) async throws -> Manifest? {
    let response = try await exchange(
      .get, "/v2/\(repository)/manifests/\(reference)", scope: .pull(repository), headers: [Self.accept])
    if response.status == 404 { return nil }
    guard response.isSuccess else {
      throw await failure(response, "show the manifest of \(repository)\(reference.suffix)")
    }
    do {
      return try Manifest(
        bytes: response.body, mediaType: response.value("Content-Type").map { MediaType($0) },
        headerDigest: response.value("Docker-Content-Digest").flatMap { Digest($0) })
    } catch {
      throw RegistryError(
        error.code, registry: address.description, "\(repository)\(reference.suffix): \(error.message)",
        hint: error.hint)
    }
  }

  /// What the registry says of a manifest without sending it: its size and its digest, each if it says so.
  ///
  /// - Returns: `nil` where there is none.
  public func manifestHead(
    _ repository: RepositoryName, _ reference: ManifestReference
  ) async throws -> (digest: Digest?, size: ByteCount?)? {
    let response = try await exchange(
      .head, "/v2/\(repository)/manifests/\(reference)", scope: .pull(repository), headers: [Self.accept])
    if response.status == 404 { return nil }
    guard response.isSuccess else {
      throw await failure(response, "name the manifest of \(repository)\(reference.suffix)")
    }
    return (
      response.value("Docker-Content-Digest").flatMap { Digest($0) },
      response.value("Content-Length").flatMap { Int64($0) }.map { ByteCount($0) }
    )
  }

  /// Stores a manifest under a tag or its digest, and reads back what stands there then.
  ///
  /// Writing the bytes of an existing manifest under another tag is how a tag moves; its digest stays the same. A
  /// registry that fails after the write has been done (Gitea's 5xx) is no failure if the manifest stands.
  /// - Returns: the digest of the bytes.
  public func putManifest(
    _ repository: RepositoryName, _ reference: ManifestReference, bytes: [UInt8], mediaType: MediaType
  ) async throws -> Digest {
    let digest = Digest.sha256(of: bytes)
    var failed: (any Error)?
    do {
      let response = try await exchange(
        .put, "/v2/\(repository)/manifests/\(reference)", scope: .push(repository),
        headers: [HTTPHeader(name: "Content-Type", value: mediaType.description)], body: bytes)
      if !response.isSuccess {
        let error = await failure(response, "store the manifest of \(repository)\(reference.suffix)")
        guard error.code == .server else { throw error }
        failed = error
      }
    } catch let error as RegistryError where [.connectionLost, .timedOut].contains(error.code) {
      failed = error
    }
    let standing: Manifest?
    do { standing = try await manifest(repository, reference) } catch { throw failed ?? error }
    guard standing?.digest == digest else {
      if let failed { throw failed }
      let found = standing.map { "has \($0.digest)" } ?? "has nothing"
      throw RegistryError(
        .protocolViolation, registry: address.description,
        "it accepted \(digest) for \(repository)\(reference.suffix), but \(found) there now",
        hint:
          "someone else may have written the tag meanwhile, or the registry has lost the write: look, then try again")
    }
    return digest
  }

  private static let accept = HTTPHeader(
    name: "Accept", value: MediaType.accepted.map(\.description).joined(separator: ", "))
}
