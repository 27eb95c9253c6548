// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Reads a ``Snapshot`` entry by entry, from its beginning or from a place that another reader came by. What it returns
/// is a tree: a file on a host may have been written by anybody.
final class SnapshotReader {
  /// Where an entry begins.
  struct Position: Hashable, Sendable {
    fileprivate var offset: Int
    /// The path of the entry before it.
    fileprivate var last: [UInt8]
  }

  private let snapshot: Snapshot
  private let buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  /// Where in the file the buffer's end lies.
  private var offset: Int
  private var order = TreeOrder()
  private var last: [UInt8] = []
  private let checksOrder: Bool
  private var isAtEnd: Bool
  private var peeked: StampedEntry??
  /// Where the entry begins that ``next()`` returned last.
  private(set) var position: Position

  init(_ snapshot: Snapshot, at position: Position? = nil) {
    self.snapshot = snapshot
    // From the middle the directories above are not known.
    checksOrder = position == nil
    buffer = .allocate(byteCount: position == nil ? 256 << 10 : 2 * SnapshotWriter.longestRecord, alignment: 16)
    offset = position?.offset ?? Snapshot.magic.count
    last = position?.last ?? []
    self.position = position ?? Position(offset: Snapshot.magic.count, last: [])
    isAtEnd = snapshot.descriptor < 0
  }

  deinit { buffer.deallocate() }

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
    if end - start < SnapshotWriter.longestRecord { try fill() }
    position = Position(offset: offset - (end - start), last: last)
    let tag = try byte()
    if tag == Snapshot.endTag {
      isAtEnd = true
      return nil
    }
    let shared = Int(clamping: try number())
    guard shared <= last.count else { throw damaged }
    let rest = try bytes()
    let path = try TreePath(
      [UInt8](unsafeUninitializedCapacity: shared + rest.count) { buffer, count in
        last.withUnsafeBufferPointer { for index in 0..<shared { buffer[index] = $0[index] } }
        for index in 0..<rest.count { buffer[shared + index] = rest[index] }
        count = shared + rest.count
      }, checkedUpTo: shared)
    let permissions = try number()
    guard permissions <= 0o7777, let mark = StampedEntry.Mark(rawValue: tag >> 4) else { throw damaged }
    let modified = try signed()
    var size: UInt64 = 0
    let kind: TreeEntry.Kind
    var link: TreePath?
    switch tag & 0b111 {
    case 0, 3:
      size = try number()
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
      stamp = FileStamp(
        size: try signed() &+ Int64(bitPattern: size), modified: try signed() &+ modified, changed: try signed(),
        inode: try number(), mode: UInt32(truncatingIfNeeded: try number()))
    }
    if checksOrder { _ = try order.accept(path, isDirectory: entry.isDirectory, sharing: shared) }
    last = path.bytes
    return StampedEntry(entry: entry, stamp: stamp, mark: mark)
  }

  private var damaged: WireError { WireError(.malformed, "a snapshot is damaged") }

  private func fill() throws {
    if start > 0 {
      buffer.baseAddress!.copyMemory(from: buffer.baseAddress! + start, byteCount: end - start)
      end -= start
      start = 0
    }
    while end < buffer.count {
      let count = pread(snapshot.descriptor, buffer.baseAddress! + end, buffer.count - end, off_t(offset))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw SyncError.last("read", "a snapshot") }
      if count == 0 { return }
      end += count
      offset += count
    }
  }

  private func byte() throws -> UInt8 {
    guard start < end else { throw WireError(.truncated, "a snapshot ended early") }
    defer { start += 1 }
    return buffer[start]
  }

  private func number() throws -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 64 {
      let byte = try byte()
      value |= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
    throw damaged
  }

  private func signed() throws -> Int64 {
    let value = try number()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  private func bytes() throws -> UnsafeRawBufferPointer {
    let count = Int(clamping: try number())
    guard count <= 4096, count <= end - start else { throw damaged }
    defer { start += count }
    return UnsafeRawBufferPointer(rebasing: buffer[start..<(start + count)])
  }

  private func digest() throws -> Digest {
    guard end - start >= 32, let digest = Digest(UnsafeRawBufferPointer(rebasing: buffer[start..<(start + 32)])) else {
      throw damaged
    }
    start += 32
    return digest
  }
}
