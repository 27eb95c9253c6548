// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// This laptop's copy of a job's log, in which each byte stands where it stands in the host's. What the host had no more
/// is a hole. One process writes it: another that follows the same job shows it and leaves the copy alone.
final class LogCopy {
  /// The number of the byte that comes next.
  private(set) var end: UInt64
  private let file: FileDescriptor
  private let writes: Bool

  /// Opens the copy, or begins it. Throws `Errno`.
  init(_ path: FilePath) throws {
    file = try FileDescriptor.open(
      path, .readWrite, options: [.create, .append, .closeOnExec], permissions: [.ownerReadWrite])
    writes = flock(file.rawValue, LOCK_EX | LOCK_NB) == 0
    do {
      end = UInt64(try file.seek(offset: 0, from: .end))
    } catch {
      try? file.close()
      throw error
    }
  }

  deinit { try? file.close() }

  /// Hands out what is there, a part at a time.
  func read(_ each: ([UInt8]) -> Void) throws {
    var offset: UInt64 = 0
    while offset < end {
      let part = try [UInt8](unsafeUninitializedCapacity: Int(min(1 << 20, end - offset))) { buffer, count in
        count = try file.read(fromAbsoluteOffset: Int64(offset), into: UnsafeMutableRawBufferPointer(buffer))
      }
      guard !part.isEmpty else { return }
      offset += UInt64(part.count)
      each(part)
    }
  }

  func append(_ bytes: [UInt8]) throws {
    if writes { try file.writeAll(bytes) }
    end += UInt64(bytes.count)
  }

  /// Leaves out what is gone.
  func skip(to offset: UInt64) throws {
    guard offset > end else { return }
    if writes, ftruncate(file.rawValue, off_t(clamping: offset)) < 0 { throw Errno(rawValue: errno) }
    end = offset
  }
}
