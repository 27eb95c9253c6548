// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import Vocabulary

extension RegistryClient {
  /// The size of a blob, by a question without a body.
  ///
  /// - Returns: `nil` where the repository does not have it.
  public func blobSize(_ repository: RepositoryName, _ digest: Digest) async throws -> ByteCount? {
    let target = "/v2/\(repository)/blobs/\(digest)"
    let head = try await exchange(.head, target, scope: .pull(repository))
    if head.status == 404 { return nil }
    if head.isSuccess, let size = head.value("Content-Length").flatMap({ Int64($0) }) { return ByteCount(size) }
    let isElsewhere = !head.location.hasSameOrigin(as: address.endpoint)
    guard head.isSuccess || head.status == 405 || isElsewhere else {
      throw await failure(head, "tell the size of the blob \(digest) of \(repository)")
    }
    // Storage behind signed addresses may refuse HEAD, since a signature covers the method: ask for one byte.
    let range = HTTPHeader(name: "Range", value: "bytes=0-0")
    let part = try await exchange(.get, target, scope: .pull(repository), headers: [range], bodyLimit: 1 << 16)
    if part.status == 404 { return nil }
    guard part.status == 206, let total = part.value("Content-Range")?.split(separator: "/").last,
      let size = Int64(total)
    else { throw await failure(part, "tell the size of the blob \(digest) of \(repository)") }
    return ByteCount(size)
  }

  /// A whole blob of at most `limit` bytes, such as an image's configuration, its digest checked.
  ///
  /// - Returns: `nil` where the repository does not have it.
  /// - Throws: ``RegistryError`` with code `tooLarge` beyond the limit, `protocolViolation` for bytes of another digest.
  public func blob(
    _ repository: RepositoryName, _ digest: Digest, limit: ByteCount = ByteCount(4 << 20)
  ) async throws -> [UInt8]? {
    let response = try await exchange(
      .get, "/v2/\(repository)/blobs/\(digest)", scope: .pull(repository), bodyLimit: Int(limit.bytes))
    if response.status == 404 { return nil }
    guard response.isSuccess else { throw await failure(response, "send the blob \(digest) of \(repository)") }
    let found = Digest.sha256(of: response.body)
    guard found == digest else { throw otherBytes(digest, found, repository) }
    return response.body
  }

  /// Reads a blob of any size piece by piece; what was handed on is good only when this returns.
  ///
  /// - Parameter receive: Called on the connection's thread, one piece at a time; it must not wait.
  /// - Returns: the blob's size, its digest checked; `nil` where the repository does not have it.
  public func readBlob(
    _ repository: RepositoryName, _ digest: Digest,
    receive: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void = { _ in }
  ) async throws -> ByteCount? {
    let state = Mutex((hasher: DigestHasher(), size: Int64(0)))
    let response = try await exchange(.get, "/v2/\(repository)/blobs/\(digest)", scope: .pull(repository)) { piece in
      state.withLock {
        $0.hasher.update(piece)
        $0.size += Int64(piece.count)
      }
      try receive(piece)
    }
    if response.status == 404 { return nil }
    guard response.isSuccess else { throw await failure(response, "send the blob \(digest) of \(repository)") }
    let (found, size) = state.withLock { ($0.hasher.finish(), $0.size) }
    guard found == digest else { throw otherBytes(digest, found, repository) }
    return ByteCount(size)
  }

  private func otherBytes(_ digest: Digest, _ found: Digest, _ repository: RepositoryName) -> RegistryError {
    RegistryError(
      .protocolViolation, registry: address.description,
      "the blob \(digest) of \(repository) has the bytes of \(found)",
      hint: "the registry's storage is damaged: delete the blob there, then push again")
  }
}
