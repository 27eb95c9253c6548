// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

/// The digest of a tree, computed as its entries go by.
///
/// A directory's digest covers, for each entry in the order of the names' bytes: kind, permission bits, name, and the
/// content's digest, the link's target or the directory's own digest. Modification times are not covered unless asked
/// for.
struct MerkleRoot {
  /// A directory whose entries go by.
  private struct Level {
    var head: [UInt8]
    var name: [UInt8]
    var hasher = DigestHasher()
    var waiting: [UInt8]
  }

  private let coversTimes: Bool
  private var levels: [Level]

  private static let magic = Array("remote-build tree 2\n".utf8)
  private static let flush = 16 << 10

  init(coversTimes: Bool = false) {
    self.coversTimes = coversTimes
    levels = [Level(head: [], name: [], waiting: Self.magic)]
  }

  /// - Parameter closed: how many directories ended before this entry, as ``TreeOrder`` says.
  /// - Returns: the digests of the directories that ended, the innermost first.
  @discardableResult
  mutating func add(_ entry: TreeEntry, closed: Int) -> [Digest] {
    var ended: [Digest] = []
    for _ in 0..<closed { ended.append(close()) }
    var head: [UInt8] = [0, UInt8(truncatingIfNeeded: entry.permissions), UInt8(entry.permissions >> 8)]
    if coversTimes {
      for shift in stride(from: 0, to: 64, by: 8) { head.append(UInt8(truncatingIfNeeded: entry.modified >> shift)) }
    }
    let bytes = entry.path.bytes
    let name = Array(bytes[(bytes.lastIndex(of: TreePath.slash).map { $0 + 1 } ?? 0)...])
    switch entry.kind {
    case .file(let content):
      head[0] = UInt8(ascii: entry.link == nil ? "f" : "h")
      content.digest.withUnsafeBytes { put(head, name, $0) }
      if let link = entry.link { link.bytes.withUnsafeBytes { put([], [], $0) } }
    case .symlink(let target):
      head[0] = UInt8(ascii: "l")
      target.withUnsafeBytes { put(head, name, $0) }
    case .directory:
      head[0] = UInt8(ascii: "d")
      levels.append(Level(head: head, name: name, waiting: Self.magic))
    }
    return ended
  }

  /// Ends every directory, and returns their digests, the root's last.
  mutating func finish() -> [Digest] {
    var ended: [Digest] = []
    while levels.count > 1 { ended.append(close()) }
    var last = levels[0]
    last.hasher.update(last.waiting)
    ended.append(last.hasher.finish())
    return ended
  }

  private mutating func close() -> Digest {
    var level = levels.removeLast()
    level.hasher.update(level.waiting)
    let digest = level.hasher.finish()
    digest.withUnsafeBytes { put(level.head, level.name, $0) }
    return digest
  }

  private mutating func put(_ head: [UInt8], _ name: [UInt8], _ value: UnsafeRawBufferPointer) {
    let index = levels.count - 1
    levels[index].waiting += head
    for count in [name.count, value.count] {
      for shift in [0, 8, 16, 24] { levels[index].waiting.append(UInt8(truncatingIfNeeded: count >> shift)) }
    }
    levels[index].waiting += name
    levels[index].waiting.append(contentsOf: value)
    guard levels[index].waiting.count >= Self.flush else { return }
    levels[index].hasher.update(levels[index].waiting)
    levels[index].waiting.removeAll(keepingCapacity: true)
  }
}
