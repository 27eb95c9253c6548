// SPDX-License-Identifier: Apache-2.0

internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Goes through a ``Snapshot``'s records without making values of them: path, kind and stamp alone, in one buffer.
/// Only names that a tree may hold are returned; their order and the tree's shape are the caller's to check.
final class RecordSkimmer {
  /// The record at hand; valid until the next one.
  struct Record {
    fileprivate let path: UnsafeMutablePointer<UInt8>
    /// Bytes of the path, of what it shares with the record before, and of its directory's path.
    let length: Int
    fileprivate let shared: Int
    let parentLength: Int
    let isDirectory: Bool
    let hasLink: Bool
    let stamp: FileStamp?

    /// Whether this lies below an earlier record's directory, whose path has so many bytes.
    func isBelow(_ directory: Int) -> Bool {
      shared >= directory && length > directory && path[directory] == TreePath.slash
    }

    /// Calls `body` with the last part as a C string.
    func withName<Value>(_ body: (UnsafePointer<CChar>) -> Value) -> Value {
      body(UnsafeRawPointer(path + (parentLength == 0 ? 0 : parentLength + 1)).assumingMemoryBound(to: CChar.self))
    }

    /// Calls `body` with the part between two directories' ends as a C string.
    func withPart<Value>(from start: Int, to end: Int, _ body: (UnsafePointer<CChar>) -> Value) -> Value {
      let after = path[end]
      path[end] = 0
      defer { path[end] = after }
      return body(UnsafeRawPointer(path + (start == 0 ? 0 : start + 1)).assumingMemoryBound(to: CChar.self))
    }

    var text: String { TreePath.text(Array(UnsafeBufferPointer(start: path, count: length))) }
  }

  private let snapshot: Snapshot
  private let buffer: UnsafeMutableRawBufferPointer
  private let path: UnsafeMutablePointer<UInt8>
  private var length = 0
  private var start = 0
  private var end = 0
  private var offset = Snapshot.magic.count
  private var isAtEnd: Bool

  init(_ snapshot: Snapshot) {
    self.snapshot = snapshot
    buffer = .allocate(byteCount: 256 << 10, alignment: 16)
    path = .allocate(capacity: 4097)
    isAtEnd = snapshot.descriptor < 0
  }

  deinit {
    buffer.deallocate()
    path.deallocate()
  }

  /// The next record; `nil` at the end. Throws `WireError` for a damaged file, ``SyncError``.
  func next() throws -> Record? {
    if isAtEnd { return nil }
    if end - start < SnapshotWriter.longestRecord { try fill() }
    let tag = try byte()
    if tag == Snapshot.endTag {
      isAtEnd = true
      return nil
    }
    let shared = Int(clamping: try number())
    let rest = Int(clamping: try number())
    guard shared <= length, rest <= 4095 - shared, rest > 0, rest <= end - start else { throw damaged }
    (path + shared).update(
      from: (buffer.baseAddress! + start).assumingMemoryBound(to: UInt8.self), count: rest)
    start += rest
    length = shared + rest
    path[length] = 0
    var slash = length - 1
    while slash >= 0 && path[slash] != TreePath.slash { slash -= 1 }
    guard isName(slash + 1) else { throw damaged }
    _ = try number()
    let modified = try signed()
    var size: UInt64 = 0
    let kind = tag & 0b111
    switch kind {
    case 0, 3:
      size = try number()
      try skip(32)
      if kind == 3 { try skip(Int(clamping: try number())) }
    case 1: break
    case 2: try skip(Int(clamping: try number()))
    default: throw damaged
    }
    var stamp: FileStamp?
    if tag & 8 != 0 {
      stamp = FileStamp(
        size: try signed() &+ Int64(bitPattern: size), modified: try signed() &+ modified, changed: try signed(),
        inode: try number(), mode: UInt32(truncatingIfNeeded: try number()))
    }
    return Record(
      path: path, length: length, shared: shared, parentLength: max(0, slash), isDirectory: kind == 1,
      hasLink: kind == 3, stamp: stamp)
  }

  /// Whether what begins there is a name that may stand in a directory of the tree.
  private func isName(_ first: Int) -> Bool {
    let count = length - first
    if count < 1 || count > 255 { return false }
    if path[first] == TreePath.dot && (count == 1 || count == 2 && path[first + 1] == TreePath.dot) { return false }
    return memchr(path + first, 0, count) == nil
  }

  private var damaged: WireError { WireError(.malformed, "a snapshot is damaged") }

  private func fill() throws {
    buffer.baseAddress!.copyMemory(from: buffer.baseAddress! + start, byteCount: end - start)
    end -= start
    start = 0
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

  private func skip(_ count: Int) throws {
    guard count >= 0, count <= end - start else { throw damaged }
    start += count
  }
}
