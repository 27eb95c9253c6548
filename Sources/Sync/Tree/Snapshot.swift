// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A tree in a file, with the stamps that its entries had: the stat cache, the tree that a host acknowledged, and on a
/// host the managed list. It is read and written entry by entry, and never is one value.
///
/// The file: a line of magic, records in the order of the paths (``SnapshotWriter``), a byte 0xff, the summary, the
/// summary's length in four bytes, and eight bytes of magic. Once it has its name it does not change.
final class Snapshot: Sendable {
  /// Where it is read from; -1 for the empty tree.
  let descriptor: Int32
  let summary: Summary

  struct Summary: Hashable, Sendable {
    var entries = 0
    /// Entries that are no directories.
    var files = 0
    /// The Merkle root.
    var digest: Digest
    /// A digest of all that is pushed: modification times too, stamps not.
    var identity: Digest
    /// When the walk began whose stamps these are, in nanoseconds since 1970.
    var takenAt: Int64 = 0
    /// A digest of what decides which paths are in the tree, and of the root's stamp: while it is the same, so are they,
    /// unless a directory in the tree changed. `nil` where directories were walked that are not in the tree.
    var selection: Digest?
    /// Digests of parts of the tree, each under a digest of what selects it.
    var parts: [Digest: Digest] = [:]
  }

  static let magic = Array("remote-build snapshot 2\n".utf8)
  static let endMagic = Array("snapshot".utf8)
  static let endTag: UInt8 = 0xff
  private static let longestSummary = 1 << 20

  /// Takes `descriptor` over.
  init(_ descriptor: Int32, _ summary: Summary) {
    self.descriptor = descriptor
    self.summary = summary
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// The tree without entries.
  static let empty: Snapshot = {
    var merkle = MerkleRoot()
    return Snapshot(-1, Summary(digest: merkle.finish()[0], identity: .sha256(of: [])))
  }()

  var digest: Digest { summary.digest }
  var isEmpty: Bool { summary.entries == 0 }

  /// Opens what a writer left under a name; `nil` where there is no such file, or one that is damaged or of another
  /// version.
  static func load(_ directory: Int32, _ name: [UInt8]) -> Snapshot? {
    guard let file = try? Disk.open(directory, name, O_RDONLY | O_NONBLOCK, path: "") else { return nil }
    do {
      let stamp = try Disk.stamp(file, named: "")
      guard stamp.kind == .file else { throw WireError(.malformed, "a snapshot that is no file") }
      return Snapshot(file, try summary(file, size: Int(stamp.size)))
    } catch {
      close(file)
      return nil
    }
  }

  private static func summary(_ file: Int32, size: Int) throws -> Summary {
    let tail = endMagic.count + 4
    guard size >= magic.count + 1 + tail, try Disk.read(file, at: 0, magic.count, "") == magic else {
      throw WireError(.malformed, "a snapshot of another version")
    }
    let end = try Disk.read(file, at: size - tail, tail, "")
    guard end.suffix(endMagic.count) == endMagic[...] else { throw WireError(.truncated, "a snapshot ended early") }
    let length = (0..<4).reduce(0) { $0 | Int(end[$1]) << (8 * $1) }
    guard length <= min(longestSummary, size - tail - magic.count) else { throw WireError(.malformed, "a summary") }
    var decoder = MessageDecoder(try Disk.read(file, at: size - tail - length, length, ""))
    var summary = Summary(
      entries: Int(clamping: try decoder.readUInt()), files: Int(clamping: try decoder.readUInt()),
      digest: try decoder.readDigest(), identity: try decoder.readDigest(), takenAt: try decoder.readInt())
    if try decoder.readBool() { summary.selection = try decoder.readDigest() }
    for _ in 0..<(try decoder.readCount(ofItemsAtLeast: 64)) {
      summary.parts[try decoder.readDigest()] = try decoder.readDigest()
    }
    try decoder.expectEnd()
    return summary
  }

  static func encode(_ summary: Summary) -> [UInt8] {
    var encoder = MessageEncoder()
    encoder.write(UInt64(summary.entries))
    encoder.write(UInt64(summary.files))
    encoder.write(summary.digest)
    encoder.write(summary.identity)
    encoder.write(signed: summary.takenAt)
    encoder.write(summary.selection != nil)
    if let selection = summary.selection { encoder.write(selection) }
    encoder.write(UInt64(summary.parts.count))
    for (key, part) in summary.parts.sorted(by: { $0.key < $1.key }) {
      encoder.write(key)
      encoder.write(part)
    }
    let length = encoder.bytes.count
    return encoder.bytes + [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: length >> $0) } + endMagic
  }

  /// Writes the same under another name, whole or not at all.
  func copy(to directory: Int32, _ name: [UInt8], path: String) throws {
    let temporary = name + Array(".new".utf8)
    _ = Disk.withPath(temporary) { unlinkat(directory, $0, 0) }
    let file = try Disk.open(directory, temporary, O_WRONLY | O_CREAT | O_EXCL, path: path)
    do {
      defer { close(file) }
      var offset = 0
      while true {
        let bytes = try Disk.read(descriptor, at: offset, 1 << 20, path)
        if bytes.isEmpty { break }
        try Disk.write(file, bytes, path)
        offset += bytes.count
      }
    } catch {
      _ = Disk.withPath(temporary) { unlinkat(directory, $0, 0) }
      throw error
    }
    try Disk.rename(directory, temporary, directory, name, path)
  }

  /// Calls `body` for every entry, in order.
  func visit(_ body: (StampedEntry) throws -> Void) throws {
    let reader = SnapshotReader(self)
    while let entry = try reader.next() { try body(entry) }
  }
}
