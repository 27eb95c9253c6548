// SPDX-License-Identifier: Apache-2.0

internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A tree with what `lstat` said of each entry when its digest was taken: the stat cache, and on a host the managed
/// list.
struct StampedTree: Sendable {
  let tree: Tree
  /// One for each entry; `nil` where the stamp cannot be believed later.
  let stamps: [FileStamp?]

  static let empty = StampedTree(tree: .empty, stamps: [])

  /// Stamps of files that changed within the last moments before `now` are dropped.
  init(tree: Tree, stamps: [FileStamp?], takenAt now: Int64) {
    self.tree = tree
    self.stamps = stamps.map { $0.flatMap { $0.kind == .directory || $0.isSettled(at: now) ? $0 : nil } }
  }

  private init(tree: Tree, stamps: [FileStamp?]) {
    self.tree = tree
    self.stamps = stamps
  }

  /// The entry at `path`, if the file has the stamp still under which it was recorded.
  func entry(_ path: TreePath, stamp: FileStamp) -> TreeEntry? {
    guard let index = tree.index(of: path), let recorded = stamps[index], recorded.isSame(as: stamp) else { return nil }
    return tree.entries[index]
  }

  private static let magic = Array("remote-build stamps 1\n".utf8)
  private static let batch = 4096

  /// Reads what ``save(_:_:)`` wrote; empty where there is no file, or one that is damaged or of another version: then
  /// everything is read anew.
  static func load(_ directory: Int32, _ name: [UInt8]) -> StampedTree {
    guard let file = try? Disk.open(directory, name, O_RDONLY, path: "") else { return .empty }
    defer { close(file) }
    func take(_ count: Int) throws -> [UInt8] {
      var bytes: [UInt8] = []
      while bytes.count < count {
        let more = try Disk.read(file, count - bytes.count, "")
        guard !more.isEmpty else { throw WireError(.truncated, "a stat cache ended early") }
        bytes = bytes.isEmpty ? more : bytes + more
      }
      return bytes
    }
    do {
      guard try take(magic.count) == magic else { return .empty }
      var entries: [TreeEntry] = []
      var stamps: [FileStamp?] = []
      while true {
        let head = try take(8)
        let counts = [0, 4].map { at in (0..<4).reduce(0) { $0 | Int(head[at + $1]) << (8 * $1) } }
        if counts[0] == 0 { break }
        guard counts[0] <= Frame.maximumPayload * 8, counts[1] <= Frame.maximumPayload else { return .empty }
        for operation in try readOperations(try take(counts[0])) {
          guard case .put(let entry) = operation else { return .empty }
          entries.append(entry)
        }
        var decoder = MessageDecoder(try take(counts[1]))
        while !decoder.isAtEnd {
          guard try decoder.readBool() else {
            stamps.append(nil)
            continue
          }
          stamps.append(
            FileStamp(
              size: try decoder.readInt(), modified: try decoder.readInt(), changed: try decoder.readInt(),
              inode: try decoder.readUInt(), mode: UInt32(truncatingIfNeeded: try decoder.readUInt())))
        }
      }
      guard entries.count == stamps.count else { return .empty }
      return StampedTree(tree: try Tree(checking: entries), stamps: stamps)
    } catch {
      return .empty
    }
  }

  /// Writes the file whole or not at all.
  func save(_ directory: Int32, _ name: [UInt8], path: String) throws {
    let pieces = sequence(state: -1) { (start: inout Int) -> [UInt8]? in
      if start < 0 {
        start = 0
        return Self.magic
      }
      if start > tree.entries.count { return nil }
      let range = start..<min(start + Self.batch, tree.entries.count)
      start = range.isEmpty ? tree.entries.count + 1 : range.upperBound
      return encode(range)
    }
    try Disk.replace(directory, name, pieces, path)
  }

  /// A batch with its lengths in front; an empty range makes the end mark.
  private func encode(_ range: Range<Int>) -> [UInt8] {
    var encoder = MessageEncoder()
    for stamp in stamps[range] {
      encoder.write(stamp != nil)
      guard let stamp else { continue }
      encoder.write(signed: stamp.size)
      encoder.write(signed: stamp.modified)
      encoder.write(signed: stamp.changed)
      encoder.write(stamp.inode)
      encoder.write(UInt64(stamp.mode))
    }
    let entries = OperationWriter.single(tree.entries[range].lazy.map { .put($0) })
    var bytes: [UInt8] = []
    for count in [entries.count, encoder.bytes.count] {
      for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
    }
    return bytes + entries + encoder.bytes
  }
}
