// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

/// Reads a ``Snapshot`` entry by entry, from its beginning or from a place that another reader came by. What it returns
/// is a tree: a file on a host may have been written by anybody.
final class SnapshotReader {
  /// Where an entry begins.
  struct Position: Hashable, Sendable {
    fileprivate var offset: Int
    /// The path of the entry before it.
    fileprivate var last: [UInt8]
  }

  private let records: RecordBuffer
  private var order = TreeOrder()
  private var last: [UInt8] = []
  private let checksOrder: Bool
  private var isAtEnd: Bool
  private var peeked: StampedEntry??
  /// Where the entry begins that ``next()`` returned last.
  private(set) var position: Position

  init(_ snapshot: Snapshot, at position: Position? = nil) {
    // From the middle the directories above are not known.
    checksOrder = position == nil
    records = RecordBuffer(
      snapshot, from: position?.offset ?? Snapshot.magic.count,
      size: position == nil ? 256 << 10 : 2 * SnapshotWriter.longestRecord)
    last = position?.last ?? []
    self.position = position ?? Position(offset: Snapshot.magic.count, last: [])
    isAtEnd = snapshot.descriptor < 0
  }

  /// The next entry without taking it.
  func peek() throws -> StampedEntry? {
    if let peeked { return peeked }
    let entry = try read()
    peeked = .some(entry)
    return entry
  }

  /// The next entry; `nil` at the end. Throws `WireError` with `malformed` or `truncated` for a damaged file, and
  /// ``SyncError``.
  func next() throws -> StampedEntry? {
    if let entry = peeked {
      peeked = nil
      return entry
    }
    return try read()
  }

  private func read() throws -> StampedEntry? {
    if isAtEnd { return nil }
    try records.prepare()
    position = Position(offset: records.position, last: last)
    let tag = try records.byte()
    if tag == Snapshot.endTag {
      isAtEnd = true
      return nil
    }
    let shared = Int(clamping: try records.number())
    guard shared <= last.count else { throw damaged }
    let rest = try bytes()
    let path = try TreePath(
      [UInt8](unsafeUninitializedCapacity: shared + rest.count) { buffer, count in
        last.withUnsafeBufferPointer { for index in 0..<shared { buffer[index] = $0[index] } }
        for index in 0..<rest.count { buffer[shared + index] = rest[index] }
        count = shared + rest.count
      }, checkedUpTo: shared)
    let permissions = try records.number()
    guard permissions <= 0o7777, let mark = StampedEntry.Mark(rawValue: tag >> 4) else { throw damaged }
    let modified = try records.signed()
    var size: UInt64 = 0
    let kind: TreeEntry.Kind
    var link: TreePath?
    switch tag & 0b111 {
    case 0, 3:
      size = try records.number()
      guard size <= UInt64(Int64.max) else { throw damaged }
      kind = .file(Content(digest: try digest(), size: size))
      if tag & 0b111 == 3 { link = try TreePath(Array(try bytes())) }
    case 1: kind = .directory
    case 2:
      let target = Array(try bytes())
      guard !target.isEmpty, target.count < 4096, !target.contains(0) else { throw damaged }
      kind = .symlink(target)
    default: throw damaged
    }
    let entry = TreeEntry(path: path, kind: kind, permissions: UInt16(permissions), modified: modified, link: link)
    var stamp: FileStamp?
    if tag & 8 != 0 {
      stamp = try records.stamp(size: size, modified: modified)
    }
    if checksOrder { _ = try order.accept(path, isDirectory: entry.isDirectory, sharing: shared) }
    last = path.bytes
    return StampedEntry(entry: entry, stamp: stamp, mark: mark)
  }

  private var damaged: WireError { RecordBuffer.damaged }

  /// Bytes with their count in front.
  private func bytes() throws -> UnsafeRawBufferPointer {
    let count = Int(clamping: try records.number())
    guard count <= 4096 else { throw damaged }
    return try records.bytes(count)
  }

  private func digest() throws -> Digest {
    guard let digest = Digest(try records.bytes(32)) else { throw damaged }
    return digest
  }
}
