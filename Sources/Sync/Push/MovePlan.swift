// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

/// What the host need not be sent, since it has it under another name.
struct MovePlan {
  /// By the path to which something is moved.
  private var numbers: [TreePath: UInt64] = [:]
  /// What is moved away, in the order of the paths.
  private var away: [(path: TreePath, number: UInt64)] = []
  private var awayPaths: Set<TreePath> = []
  /// Everything above what is moved away: none of that can be moved itself.
  private var above: Set<[UInt8]> = []
  private var position = 0

  /// For contents that the host has: where.
  private struct Standing {
    var copy: TreePath
    /// Paths with this content that are gone.
    var gone: [TreePath] = []
  }

  private var wanted = DigestTable()
  private var standing: [Standing] = []

  /// The most moves of a push; beyond them contents are copied.
  private static let most = 1 << 17

  func number(of path: TreePath) -> UInt64? { numbers[path] }
  func isMovedAway(_ path: TreePath) -> Bool { awayPaths.contains(path) }

  /// A path of the base tree with this content.
  func copy(of digest: Digest) -> TreePath? {
    guard let index = wanted[digest], index > 0 else { return nil }
    return standing[Int(index) - 1].copy
  }

  /// The next path that is moved away, if it comes before `path` or is it; with `nil` any.
  mutating func next(upTo path: TreePath?) -> (TreePath, UInt64)? {
    guard position < away.count else { return nil }
    if let path, path < away[position].path { return nil }
    defer { position += 1 }
    return away[position]
  }

  /// Finds directories that have another name now, the outermost first.
  mutating func matchDirectories(gone: [Difference.Directory], new: [Difference.Directory]) {
    var candidates: [Digest: [Int]] = [:]
    for (index, directory) in gone.enumerated().reversed() where directory.entries > 0 {
      candidates[directory.digest, default: []].append(index)
    }
    guard !candidates.isEmpty else { return }
    var index = 0
    while index < new.count {
      let directory = new[index]
      index += 1
      guard directory.entries > 0, let found = candidates[directory.digest] else { continue }
      let isSame = { (other: Difference.Directory) in
        other.entries == directory.entries && (!other.reachesOut || other.path.parent == directory.path.parent)
      }
      guard let match = found.last(where: { isSame(gone[$0]) && isFree(gone[$0].path) }) else { continue }
      move(gone[match].path, to: directory.path)
      index += directory.inner
    }
    sort()
  }

  /// Finds files that have another name now, and contents of which the host has a copy.
  mutating func matchFiles(_ base: Snapshot, _ steps: Spool) throws {
    try forEachSent(steps) { entry, digest in if wanted[digest] == nil { wanted.set(digest, 0) } }
    guard wanted.count > 0 else { return }
    var gone = GonePaths(steps.cursor())
    try base.visit { item in
      let isGone = try gone.contains(item.entry.path)
      guard let digest = item.entry.content?.digest, let index = wanted[digest] else { return }
      let path = item.entry.path
      let place: Int
      if index == 0 {
        standing.append(Standing(copy: path))
        wanted.set(digest, UInt32(standing.count))
        place = standing.count - 1
      } else {
        place = Int(index) - 1
      }
      if isGone && item.entry.link == nil && isFree(path) { standing[place].gone.append(path) }
    }
    var moved: [(TreePath, TreePath)] = []
    try forEachSent(steps) { entry, digest in
      guard let index = wanted[digest], index > 0, numbers.count + moved.count < Self.most else { return }
      if let source = standing[Int(index) - 1].gone.popLast() { moved.append((source, entry.path)) }
    }
    for (source, target) in moved { move(source, to: target) }
    sort()
  }

  /// Calls `body` for each file whose content is not settled, but for what comes with a directory.
  private func forEachSent(_ steps: Spool, _ body: (TreeEntry, Digest) throws -> Void) throws {
    var cursor = steps.cursor()
    var skipped: TreePath?
    while let step = try cursor.next() {
      if let directory = skipped, step.path.isBelow(directory) { continue }
      skipped = nil
      guard case .put(let entry, let source) = step else { continue }
      if entry.isDirectory, numbers[entry.path] != nil { skipped = entry.path }
      if source == .sent, let digest = entry.content?.digest { try body(entry, digest) }
    }
  }

  private mutating func move(_ source: TreePath, to target: TreePath) {
    let number = UInt64(away.count)
    away.append((source, number))
    awayPaths.insert(source)
    numbers[target] = number
    for (index, byte) in source.bytes.enumerated() where byte == TreePath.slash {
      above.insert(Array(source.bytes[..<index]))
    }
  }

  /// Whether nothing of what lies at, above or below the path is moved away.
  private func isFree(_ path: TreePath) -> Bool {
    if awayPaths.isEmpty { return true }
    if awayPaths.contains(path) || above.contains(path.bytes) { return false }
    for (index, byte) in path.bytes.enumerated() where byte == TreePath.slash {
      if awayPaths.contains(TreePath(unchecked: Array(path.bytes[..<index]))) { return false }
    }
    return true
  }

  private mutating func sort() { away.sort { $0.path < $1.path } }
}

/// Which paths of the base tree are deleted, asked in their order.
private struct GonePaths {
  private var cursor: Spool.Cursor
  private var directory: TreePath?

  init(_ cursor: Spool.Cursor) { self.cursor = cursor }

  mutating func contains(_ path: TreePath) throws -> Bool {
    if let directory, path.isBelow(directory) { return true }
    directory = nil
    while let step = try cursor.peek(), step.path < path { _ = try cursor.next() }
    guard let step = try cursor.peek(), step.path == path, case .delete = step else { return false }
    directory = path
    return true
  }
}
