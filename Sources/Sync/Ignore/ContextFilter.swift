// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

/// Picks what one image's context includes out of a tree that goes by, and the directories above it.
struct ContextFilter {
  private let context: ImageContext
  private let selection: ContextSelection
  private let dockerfile: TreePath?
  private var open: [(item: StampedEntry, place: ContextSelection.Place?, isTaken: Bool)] = []
  /// For files of several names whose first is not in the context: the first that is.
  private var leaders: [TreePath: TreePath] = [:]
  private var hasDockerfile = false

  init(_ context: ImageContext, _ selection: ContextSelection) {
    self.context = context
    self.selection = selection
    dockerfile = try? TreePath(IgnoreFile.cleaned(Array(context.dockerfile.utf8)))
  }

  /// Takes the tree's next entry, and hands on what the context has of it.
  mutating func take(_ item: StampedEntry, _ emit: (StampedEntry) throws -> Void) rethrows {
    let path = item.entry.path
    while let last = open.last, !path.isBelow(last.item.entry.path) { open.removeLast() }
    guard let place = open.isEmpty ? selection.root : open[open.count - 1].place else {
      if item.entry.isDirectory { open.append((item, nil, false)) }
      return
    }
    let verdict = selection.judge(path, isDirectory: item.entry.isDirectory, in: place)
    if verdict.isIncluded {
      for index in open.indices where !open[index].isTaken {
        try emit(open[index].item)
        open[index].isTaken = true
      }
      if path == dockerfile { hasDockerfile = true }
      try emit(relinked(item))
    }
    if item.entry.isDirectory { open.append((item, verdict.place, verdict.isIncluded)) }
  }

  /// Throws ``SyncError`` with `badContext` where the Dockerfile did not go by.
  func finish(in root: String) throws {
    guard hasDockerfile else {
      throw SyncError(
        .badContext, "image \(context.image): there is no Dockerfile \(context.dockerfile) in \(root)",
        path: context.dockerfile)
    }
  }

  private mutating func relinked(_ item: StampedEntry) -> StampedEntry {
    guard let link = item.entry.link, !selection.includes(link) else { return item }
    var item = item
    item.entry.link = leaders[link]
    if item.entry.link == nil { leaders[link] = item.entry.path }
    return item
  }
}

/// The digest of what one image's context includes.
struct ContextDigester {
  let context: ImageContext
  /// What the digest is filed under in a ``Snapshot``: the selection, as far as the tree does not hold it itself.
  let key: Digest
  private var filter: ContextFilter
  private var order = TreeOrder()
  private var merkle = MerkleRoot()

  init(_ context: ImageContext, _ selection: ContextSelection) {
    self.context = context
    key = .sha256(of: "context 1\n\(context.directory)\n\(context.dockerfile)")
    filter = ContextFilter(context, selection)
  }

  mutating func take(_ item: StampedEntry) throws {
    try filter.take(item) { item in
      merkle.add(item.entry, closed: try order.accept(item.entry.path, isDirectory: item.entry.isDirectory).closed)
    }
  }

  /// Throws ``SyncError`` with `badContext` where there is no Dockerfile.
  mutating func finish(in root: String) throws -> Digest {
    try filter.finish(in: root)
    return merkle.finish().last ?? Snapshot.empty.digest
  }
}
