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

  private let records: RecordBuffer
  private let path: UnsafeMutablePointer<UInt8>
  private var length = 0
  private var isAtEnd: Bool

  init(_ snapshot: Snapshot) {
    records = RecordBuffer(snapshot, from: Snapshot.magic.count, size: 256 << 10)
    path = .allocate(capacity: 4097)
    isAtEnd = snapshot.descriptor < 0
  }

  deinit { path.deallocate() }

  /// The next record; `nil` at the end. Throws `WireError` for a damaged file, ``SyncError``.
  func next() throws -> Record? {
    if isAtEnd { return nil }
    try records.prepare()
    let tag = try records.byte()
    if tag == Snapshot.endTag {
      isAtEnd = true
      return nil
    }
    let shared = Int(clamping: try records.number())
    let rest = Int(clamping: try records.number())
    guard shared <= length, rest <= 4095 - shared, rest > 0 else { throw damaged }
    UnsafeMutableRawPointer(path + shared).copyMemory(from: try records.bytes(rest).baseAddress!, byteCount: rest)
    length = shared + rest
    path[length] = 0
    var slash = length - 1
    while slash >= 0 && path[slash] != TreePath.slash { slash -= 1 }
    guard isName(slash + 1) else { throw damaged }
    _ = try records.number()
    let modified = try records.signed()
    var size: UInt64 = 0
    let kind = tag & 0b111
    switch kind {
    case 0, 3:
      size = try records.number()
      _ = try records.bytes(32)
      if kind == 3 { _ = try records.bytes(Int(clamping: try records.number())) }
    case 1: break
    case 2: _ = try records.bytes(Int(clamping: try records.number()))
    default: throw damaged
    }
    var stamp: FileStamp?
    if tag & 8 != 0 {
      stamp = try records.stamp(size: size, modified: modified)
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

  private var damaged: WireError { RecordBuffer.damaged }
}
