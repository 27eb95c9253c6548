// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Reads the contents that a push sends, and packs them, a pack at a time.
///
/// Every content is hashed again as it is read: what does not match its digest any more is never completed.
final class ContentReader: @unchecked Sendable {
  // `@unchecked`: used by one task, which awaits each call before the next one.
  private let root: FilePath
  private let files: [(path: TreePath, content: Content)]
  private var next = 0
  private var open: (descriptor: Int32, hasher: DigestHasher, left: UInt64)?

  /// - Parameter files: one for each content that is to be sent.
  init(root: FilePath, files: [(path: TreePath, content: Content)]) {
    self.root = root
    self.files = files
  }

  deinit {
    if let open { close(open.descriptor) }
  }

  /// The next pack and the content bytes in it; `nil` at the end. Throws ``SyncError`` with `changedWhileSent`.
  func nextPack() async throws -> (payload: [UInt8], bytes: Int)? {
    try await Threads.run { try self.read() }
  }

  private func read() throws -> (payload: [UInt8], bytes: Int)? {
    var pieces: [ContentPiece] = []
    var total = 0
    while next < files.count && total < Pack.size && pieces.count < 8192 {
      let (path, content) = files[next]
      var (descriptor, hasher, left) = try open ?? (try openFile(path), DigestHasher(), content.size)
      open = (descriptor, hasher, left)
      if left > 0 {
        let bytes = try Disk.read(descriptor, Int(min(left, UInt64(Pack.size - total))), path.description)
        guard !bytes.isEmpty else { throw changed(path) }
        hasher.update(bytes)
        left -= UInt64(bytes.count)
        open = (descriptor, hasher, left)
        total += bytes.count
        if left > 0 { pieces.append(ContentPiece(digest: content.digest, bytes: bytes[...])) }
        if left == 0 { try finish(path, content, hasher, bytes, &pieces) }
      } else {
        try finish(path, content, hasher, [], &pieces)
      }
    }
    return pieces.isEmpty ? nil : (Pack.encode(pieces), total)
  }

  private func finish(
    _ path: TreePath, _ content: Content, _ hasher: DigestHasher, _ bytes: [UInt8], _ pieces: inout [ContentPiece]
  ) throws {
    guard hasher.finish() == content.digest else { throw changed(path) }
    pieces.append(ContentPiece(digest: content.digest, bytes: bytes[...]))
    if let open { close(open.descriptor) }
    open = nil
    next += 1
  }

  private func openFile(_ path: TreePath) throws -> Int32 {
    var full = Array(root.string.utf8) + [TreePath.slash]
    full += path.bytes
    do {
      return try Disk.open(AT_FDCWD, full, O_RDONLY | O_NONBLOCK, path: path.description)
    } catch {
      throw changed(path)
    }
  }

  private func changed(_ path: TreePath) -> SyncError {
    SyncError(
      .changedWhileSent,
      "\(path) changed while it was sent. Nothing was changed on the host; run the same command again",
      path: path.description)
  }
}
