// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Writes a ``Snapshot`` entry by entry, under a name of its own until it is whole.
///
/// A record: a byte of kind (low three bits), of whether a stamp follows (bit 3), and of ``StampedEntry/Mark`` (from
/// bit 4); the count of bytes that the path shares with the one before; the rest; permissions; modification time; what
/// the kind has; the stamp, as differences from the entry where they are small.
final class SnapshotWriter {
  private let directory: Int32
  private let name: [UInt8]?
  private let path: String
  private let known: Snapshot.Summary?
  private var file: Int32
  private let buffer: UnsafeMutableRawBufferPointer
  private var used = 0
  private var order = TreeOrder()
  private var merkle = MerkleRoot()
  private var identity = DigestHasher()
  private var summary = Snapshot.Summary(digest: Snapshot.empty.digest, identity: Snapshot.empty.digest)

  private static let flush = 256 << 10
  /// No record is longer: a path, a target, and some numbers.
  static let longestRecord = 12 << 10

  /// - Parameters:
  ///   - name: the name that the snapshot gets in `directory`; `nil`: it gets none, and goes with its reader.
  ///   - path: what errors call it.
  ///   - known: the summary of a snapshot with the same entries, which only get other stamps: then nothing is hashed.
  init(_ directory: Int32, _ name: [UInt8]?, path: String, like known: Snapshot.Summary? = nil) throws {
    self.known = known
    self.directory = directory
    self.name = name
    self.path = path
    let temporary = Self.temporary(name)
    _ = Disk.withPath(temporary) { unlinkat(directory, $0, 0) }
    file = try Disk.open(directory, temporary, O_RDWR | O_CREAT | O_EXCL, path: path)
    if name == nil { _ = Disk.withPath(temporary) { unlinkat(directory, $0, 0) } }
    buffer = .allocate(byteCount: Self.flush + Self.longestRecord, alignment: 16)
    put(Snapshot.magic)
  }

  deinit {
    buffer.deallocate()
    guard file >= 0 else { return }
    close(file)
    if name != nil { _ = Disk.withPath(Self.temporary(name)) { unlinkat(directory, $0, 0) } }
  }

  private static func temporary(_ name: [UInt8]?) -> [UInt8] {
    name.map { $0 + Array(".new".utf8) } ?? Array("nameless.\(getpid()).\(UInt64.random(in: 0 ... .max))".utf8)
  }

  var entries: Int { summary.entries }

  /// Adds the next entry. Throws ``SyncError``: `badTree` where it cannot follow, `io`.
  func append(_ item: StampedEntry) throws {
    let entry = item.entry
    let step = try order.accept(entry.path, isDirectory: entry.isDirectory)
    if known == nil { merkle.add(entry, closed: step.closed) }
    let start = used
    put(byte: Self.tag(item))
    put(UInt64(step.shared))
    put(UInt64(entry.path.bytes.count - step.shared))
    entry.path.bytes.withUnsafeBytes { put(UnsafeRawBufferPointer(rebasing: $0[step.shared...])) }
    put(UInt64(entry.permissions))
    put(signed: entry.modified)
    var size: UInt64 = 0
    switch entry.kind {
    case .file(let content):
      size = content.size
      put(content.size)
      content.digest.withUnsafeBytes { put($0) }
      if let link = entry.link { put(counted: link.bytes) }
    case .directory: break
    case .symlink(let target): put(counted: target)
    }
    if known == nil {
      // Marks are no part of the tree.
      let tag = buffer[start]
      buffer[start] = tag & 0b111
      identity.update(UnsafeRawBufferPointer(rebasing: buffer[start..<used]))
      buffer[start] = tag
    }
    if let stamp = item.stamp {
      put(signed: stamp.size &- Int64(bitPattern: size))
      put(signed: stamp.modified &- entry.modified)
      put(signed: stamp.changed)
      put(stamp.inode)
      put(UInt64(stamp.mode))
    }
    summary.entries += 1
    if !entry.isDirectory { summary.files += 1 }
    if used >= Self.flush { try flush() }
  }

  /// Ends the file and gives it its name. No further call may follow.
  func finish(
    takenAt: Int64 = 0, selection: Digest? = nil, parts: [Digest: Digest] = [:]
  ) throws -> Snapshot {
    summary.digest = known?.digest ?? merkle.finish().last ?? Snapshot.empty.digest
    summary.identity = known?.identity ?? identity.finish()
    summary.takenAt = takenAt
    summary.selection = selection
    summary.parts = parts
    put(byte: Snapshot.endTag)
    try flush()
    try Disk.write(file, Snapshot.encode(summary), path)
    if let name { try Disk.rename(directory, Self.temporary(name), directory, name, path) }
    defer { file = -1 }
    return Snapshot(file, summary)
  }

  private static func tag(_ item: StampedEntry) -> UInt8 {
    let kind: UInt8 =
      switch item.entry.kind {
      case .file: item.entry.link == nil ? 0 : 3
      case .directory: 1
      case .symlink: 2
      }
    return kind | (item.stamp == nil ? 0 : 8) | item.mark.rawValue << 4
  }

  private func flush() throws {
    var done = 0
    while done < used {
      #if canImport(Glibc)
        let count = Glibc.write(file, buffer.baseAddress! + done, used - done)
      #else
        let count = Darwin.write(file, buffer.baseAddress! + done, used - done)
      #endif
      if count >= 0 { done += count } else if errno != EINTR { throw SyncError.last("write", path) }
    }
    used = 0
  }

  private func put(byte: UInt8) {
    buffer[used] = byte
    used += 1
  }

  private func put(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      put(byte: UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    put(byte: UInt8(rest))
  }

  private func put(signed value: Int64) { put(UInt64(bitPattern: (value << 1) ^ (value >> 63))) }

  private func put(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count > 0 else { return }
    (buffer.baseAddress! + used).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
    used += bytes.count
  }

  private func put(_ bytes: [UInt8]) { bytes.withUnsafeBytes { put($0) } }

  private func put(counted bytes: [UInt8]) {
    put(UInt64(bytes.count))
    put(bytes)
  }
}
