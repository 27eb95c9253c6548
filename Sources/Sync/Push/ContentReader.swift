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
  private let root: [UInt8]
  private let plan: PushPlan
  private var cursor: Spool.Cursor
  private var ordinal: UInt64 = 0
  private var recipes: ArraySlice<Recipe>
  private let packer = Packer()
  private var current: Divided?
  /// What the host has of an attempt before.
  var held = HeldContents()

  /// A big file under way.
  fileprivate struct Divided {
    var path: TreePath
    var file: Int32
    var ordinal: UInt64
    var chunks: ChunkList
    var runs: ArraySlice<Recipe.Run>
    /// The next chunk, and where it begins.
    var index = 0
    var offset = 0
    /// Chunks of the run under way that are still to come.
    var left = 0
  }

  init(root: FilePath, plan: PushPlan) {
    self.root = Array(root.string.utf8)
    self.plan = plan
    cursor = plan.operations.cursor()
    recipes = plan.recipes[...]
  }

  deinit { if let current { close(current.file) } }

  /// The next pack and the content bytes in it; `nil` at the end. Throws ``SyncError`` with `changedWhileSent`.
  func nextPack() async throws -> (payload: [UInt8], bytes: Int)? {
    try await Threads.run { try self.read() }
  }

  private func read() throws -> (payload: [UInt8], bytes: Int)? {
    var total = 0
    while !packer.isFull {
      if current != nil {
        guard let bytes = try addChunk() else { continue }
        total += bytes
      } else {
        guard let bytes = try addNext() else { break }
        total += bytes
      }
    }
    return packer.pieces == 0 ? nil : (packer.finish(), total)
  }

  /// Adds the next content, or begins with a big one; `nil` when there is none.
  private func addNext() throws -> Int? {
    while let operation = try cursor.next() {
      guard case .put(let entry, .sent) = operation, let content = entry.content else { continue }
      let ordinal = self.ordinal
      self.ordinal += 1
      if held.isComplete(ordinal) {
        if content.isDivided { recipes.removeFirst() }
        continue
      }
      let file = try openFile(entry.path)
      if content.isDivided {
        current = Divided(
          path: entry.path, file: file, ordinal: ordinal, chunks: ChunkList(), runs: [])
        guard let recipe = recipes.popFirst() else { throw Self.changed(entry.path) }
        current?.chunks = try plan.chunks(entry.path, content)
        current?.runs = recipe.runs[...]
        return 0
      }
      defer { close(file) }
      let bytes = try Disk.read(file, at: 0, Int(content.size) + 1, entry.path.description)
      guard bytes.count == content.size, Digest.sha256(of: bytes) == content.digest else {
        throw Self.changed(entry.path)
      }
      packer.add(ContentPiece(ordinal: ordinal, chunk: nil, bytes: bytes[...]))
      return bytes.count
    }
    return nil
  }

  /// Adds the next chunk of the file under way; `nil` when there is none.
  private func addChunk() throws -> Int? {
    guard var file = current else { return nil }
    while file.left == 0 {
      guard let run = file.runs.popFirst() else {
        close(file.file)
        current = nil
        return nil
      }
      switch run {
      case .sent(let count): file.left = count
      case .copied(_, _, let count), .earlier(_, let count):
        for _ in 0..<count { file.pass() }
      }
    }
    file.left -= 1
    let chunk = file.chunks.chunks[file.index]
    if held.has(chunk: file.index, of: file.ordinal) {
      file.pass()
      current = file
      return 0
    }
    let bytes = try Disk.read(file.file, at: file.offset, Int(chunk.length), file.path.description)
    guard bytes.count == chunk.length, Digest.sha256(of: bytes) == chunk.digest else {
      throw Self.changed(file.path)
    }
    packer.add(ContentPiece(ordinal: file.ordinal, chunk: UInt64(file.index), bytes: bytes[...]))
    file.pass()
    current = file
    return bytes.count
  }

  private func openFile(_ path: TreePath) throws -> Int32 {
    do {
      return try Disk.open(
        AT_FDCWD, root + [TreePath.slash] + path.bytes, O_RDONLY | O_NONBLOCK, path: path.description)
    } catch {
      throw Self.changed(path)
    }
  }

  static func changed(_ path: TreePath) -> SyncError {
    SyncError(
      .changedWhileSent,
      "\(path) changed while it was sent. Nothing was changed on the host; run the same command again",
      path: path.description)
  }
}

extension ContentReader.Divided {
  fileprivate mutating func pass() {
    offset += Int(chunks.chunks[index].length)
    index += 1
  }
}
