// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What a push sends, and in which order: the steps from one tree to another, with the sources of all contents. The
/// host carries out what stands here; it looks for nothing.
final class PushPlan: @unchecked Sendable {
  // `@unchecked`: made by one call, and only read after it.
  /// The steps, as they are sent.
  let operations: Spool
  /// For the big files among what is sent, in order.
  private(set) var recipes: [Recipe] = []
  /// Content bytes to send.
  private(set) var contentBytes: UInt64 = 0
  /// How many contents are sent.
  private(set) var sent: UInt64 = 0
  let changed: Int
  let deleted: Int

  /// A digest of which contents are sent, in which order: pushes to several hosts that have the same read them once.
  private(set) var contentsKey = Digest.sha256(of: [])
  /// Bytes of big files among them.
  private(set) var dividedBytes: UInt64 = 0

  let scan: Scan
  private let base: Snapshot
  private let difference: Difference
  private var writer: OperationWriter
  private var moves = MovePlan()
  private var recipePlanner: RecipePlanner
  private var contents = DigestHasher()
  /// What is sent already, by its ordinal.
  private var awaited = DigestTable()

  /// Blocks.
  /// - Parameters:
  ///   - scratch: an open directory for what does not fit into memory.
  ///   - list: told of each path that is put, deleted or forgotten.
  init(
    from base: Snapshot, to scan: Scan, scratch: Int32, stands: @escaping (TreePath) -> Bool,
    list: ((Operation) -> Void)? = nil
  ) throws {
    self.scan = scan
    self.base = base
    difference = try Difference(from: base, to: scan.snapshot, scratch: scratch, stands: stands, list: list)
    changed = difference.changed
    deleted = difference.deleted
    let operations = Spool(scratch)
    self.operations = operations
    writer = OperationWriter { try operations.append($0) }
    recipePlanner = RecipePlanner(store: scan.chunks, divided: difference.divided)
    guard difference.steps.bytes > 0 else { return }
    moves.matchDirectories(gone: difference.gone, new: difference.new)
    if !base.isEmpty { try moves.matchFiles(base, difference.steps) }
    try emit()
    try writer.finish()
    contentsKey = contents.finish()
  }

  /// The chunks of a big file of the scan; read again where nobody kept them.
  func chunks(_ path: TreePath, _ content: Content) throws -> ChunkList {
    if let list = scan.chunks?.load(content) { return list }
    let full = Array(scan.root.string.utf8) + [TreePath.slash] + path.bytes
    let file: Int32
    do { file = try Disk.open(AT_FDCWD, full, O_RDONLY | O_NONBLOCK, path: path.description) } catch {
      throw ContentReader.changed(path)
    }
    defer { Disk.close(file) }
    let (found, list) = try ContentHasher.read(file, path.description)
    guard found == content, let list else { throw ContentReader.changed(path) }
    return list
  }

  func chunks(of recipe: Recipe) throws -> ChunkList { try chunks(recipe.path, recipe.content) }

  private func emit() throws {
    var cursor = difference.steps.cursor()
    var skipped: TreePath?
    while let step = try cursor.next() {
      // What came with a directory that was moved is not told again.
      if let directory = skipped, step.path.isBelow(directory) { continue }
      skipped = nil
      try emitMoves(before: step)
      switch step {
      case .delete(let path): if !moves.isMovedAway(path) { try writer.write(step) }
      case .forget, .moveAway: try writer.write(step)
      case .put(let entry, .sent): try put(entry)
      case .put(let entry, _):
        if entry.isDirectory, let number = moves.number(of: entry.path) {
          try writer.write(.put(entry, .moved(number)))
          skipped = entry.path
        } else {
          try writer.write(step)
        }
      }
    }
    try emitMoves(before: nil)
  }

  private func emitMoves(before step: Operation?) throws {
    while let (path, number) = moves.next(upTo: step?.path) { try writer.write(.moveAway(path, number)) }
  }

  private func put(_ entry: TreeEntry) throws {
    guard let content = entry.content else { return }
    if let number = moves.number(of: entry.path) { return try writer.write(.put(entry, .moved(number))) }
    if let path = moves.copy(of: content.digest) { return try writer.write(.put(entry, .copied(path))) }
    if awaited[content.digest] != nil { return try writer.write(.put(entry, .same)) }
    try writer.write(.put(entry, .sent))
    let ordinal = sent
    sent += 1
    content.digest.withUnsafeBytes { contents.update($0) }
    awaited.set(content.digest, UInt32(ordinal))
    guard content.isDivided else {
      contentBytes += content.size
      return
    }
    let (recipe, bytes) = recipePlanner.recipe(
      entry, content, try chunks(entry.path, content), ordinal: ordinal)
    recipes.append(recipe)
    // What is sent of it depends on what the host has of it.
    for run in recipe.runs { contents.update(Array("\(run)".utf8)) }
    contentBytes += bytes
    dividedBytes += bytes
  }
}
