// SPDX-License-Identifier: Apache-2.0

/// Checks, entry by entry, that a sequence of entries is a tree: in order, each path once, each below directories that
/// came before.
struct TreeOrder: Sendable {
  /// The last path.
  private(set) var last: [UInt8] = []
  /// The lengths of the paths of those directories that are open: whose contents may follow.
  private var open: [Int] = []
  private var isFirst = true

  struct Step {
    /// Bytes that the path has in common with the one before it.
    var shared: Int
    /// How many of the open directories ended before this path.
    var closed: Int
  }

  /// Takes the next path.
  /// - Parameter known: bytes that it is known to share with the one before.
  /// - Throws: ``SyncError`` with `badTree` where the path cannot follow.
  mutating func accept(_ path: TreePath, isDirectory: Bool, sharing known: Int = 0) throws -> Step {
    let bytes = path.bytes
    let shared = Self.common(last, bytes, from: known)
    guard isFirst || Self.precedes(last, bytes, shared) else {
      throw SyncError(.badTree, "a tree holds a path twice or out of order: \(path)", path: path.description)
    }
    isFirst = false
    var closed = 0
    while let length = open.last, !(shared >= length && bytes.count > length && bytes[length] == TreePath.slash) {
      open.removeLast()
      closed += 1
    }
    guard (bytes.lastIndex(of: TreePath.slash) ?? 0) == open.last ?? 0 else {
      throw SyncError(
        .badTree, "a tree holds \(path), but not as a directory what is above it", path: path.description)
    }
    if isDirectory { open.append(bytes.count) }
    last = bytes
    return Step(shared: shared, closed: closed)
  }

  static func common(_ left: [UInt8], _ right: [UInt8], from known: Int = 0) -> Int {
    left.withUnsafeBufferPointer { left in
      right.withUnsafeBufferPointer { right in
        let count = min(left.count, right.count)
        var index = known
        while index < count && left[index] == right[index] { index += 1 }
        return index
      }
    }
  }

  /// Whether `left` comes before `right` in the order of ``TreePath``, given how many bytes they share.
  private static func precedes(_ left: [UInt8], _ right: [UInt8], _ shared: Int) -> Bool {
    guard shared < left.count, shared < right.count else { return left.count < right.count }
    if left[shared] == TreePath.slash { return true }
    if right[shared] == TreePath.slash { return false }
    return left[shared] < right[shared]
  }
}
