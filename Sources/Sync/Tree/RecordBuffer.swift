// SPDX-License-Identifier: Apache-2.0

internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The bytes of a ``Snapshot``'s records, and the numbers in them, from some place in the file on.
final class RecordBuffer {
  private let snapshot: Snapshot
  private let buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  /// Where in the file the buffer's end lies.
  private var offset: Int

  /// - Parameters:
  ///   - offset: where in the file the first record begins.
  ///   - size: bytes to read at a time, at least twice ``SnapshotWriter/longestRecord``.
  init(_ snapshot: Snapshot, from offset: Int, size: Int) {
    self.snapshot = snapshot
    self.offset = offset
    buffer = .allocate(byteCount: size, alignment: 16)
  }

  deinit { buffer.deallocate() }

  /// Where in the file the next byte lies.
  var position: Int { offset - (end - start) }

  /// Has the whole of the next record at hand. Throws ``SyncError``.
  func prepare() throws {
    guard end - start < SnapshotWriter.longestRecord else { return }
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

  static var damaged: WireError { WireError(.malformed, "a snapshot is damaged") }

  func byte() throws -> UInt8 {
    guard start < end else { throw WireError(.truncated, "a snapshot ended early") }
    defer { start += 1 }
    return buffer[start]
  }

  func number() throws -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 64 {
      let byte = try byte()
      value |= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
    throw Self.damaged
  }

  func signed() throws -> Int64 {
    let value = try number()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  /// So many bytes; valid until the next record is prepared.
  func bytes(_ count: Int) throws -> UnsafeRawBufferPointer {
    guard count >= 0, count <= end - start else { throw Self.damaged }
    defer { start += count }
    return UnsafeRawBufferPointer(rebasing: buffer[start..<(start + count)])
  }

  /// A stamp, as differences from what its entry says.
  func stamp(size: UInt64, modified: Int64) throws -> FileStamp {
    FileStamp(
      size: try signed() &+ Int64(bitPattern: size), modified: try signed() &+ modified, changed: try signed(),
      inode: try number(), mode: UInt32(truncatingIfNeeded: try number()))
  }
}
