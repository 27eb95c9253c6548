// SPDX-License-Identifier: Apache-2.0

/// One step from a tree to the next.
enum Operation: Hashable, Sendable {
  /// The path is to be as the entry says; also where only its times or permissions change.
  case put(TreeEntry)
  /// The path is gone on the laptop.
  case delete(TreePath)
  /// The path stands on the laptop still, but is not managed any more.
  case forget(TreePath)

  var path: TreePath {
    switch self {
    case .put(let entry): entry.path
    case .delete(let path), .forget(let path): path
    }
  }
}

extension Tree {
  /// What leads from `self` to `target`, in the order of the paths.
  /// - Parameter isForgotten: whether a path that `target` lacks is no longer managed rather than gone.
  func operations(to target: Tree, isForgotten: (TreePath) -> Bool = { _ in false }) -> [Operation] {
    var operations: [Operation] = []
    var old = 0
    func dropOld() {
      let path = entries[old].path
      operations.append(isForgotten(path) ? .forget(path) : .delete(path))
      old += 1
    }
    for entry in target.entries {
      while old < entries.count && entries[old].path < entry.path { dropOld() }
      if old < entries.count && entries[old].path == entry.path {
        if entries[old] != entry { operations.append(.put(entry)) }
        old += 1
      } else {
        operations.append(.put(entry))
      }
    }
    while old < entries.count { dropOld() }
    return operations
  }

  /// The tree that `operations`, sorted by path, make of this one. Throws ``SyncError`` with `badTree` where they are
  /// out of order, delete what is not there, or make no tree.
  func applying(_ operations: [Operation]) throws -> Tree {
    var result: [TreeEntry] = []
    result.reserveCapacity(entries.count + operations.count)
    var old = 0
    var last: TreePath?
    for operation in operations {
      let path = operation.path
      if let last, !(last < path) {
        throw SyncError(.badTree, "a push names a path twice or out of order: \(path)", path: path.description)
      }
      last = path
      while old < entries.count && entries[old].path < path {
        result.append(entries[old])
        old += 1
      }
      let stands = old < entries.count && entries[old].path == path
      if stands { old += 1 }
      if case .put(let entry) = operation {
        result.append(entry)
      } else if !stands {
        throw SyncError(.badTree, "a push deletes what is not in the tree: \(path)", path: path.description)
      }
    }
    result.append(contentsOf: entries[old...])
    return try Tree(checking: result)
  }
}
