// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A big file that is put together in the staging directory: from chunks of files that stand, and from chunks as they
/// arrive. Every chunk is verified on its way in.
final class Assembly {
  let entry: TreeEntry
  let content: Content
  private let recipe: RecipeReader
  private let staging: Staging
  private let file: Int32
  /// A record of the chunks that arrived: four bytes each.
  private let log: Int32
  private let offsets: [Int]
  private var has: [Bool]
  /// Chunks that are still to arrive.
  private(set) var missing = 0
  private(set) var isFinished = false

  /// Takes what is there from an attempt before, and copies what stands in the workspace. Blocks.
  init(_ entry: TreeEntry, _ content: Content, _ recipe: RecipeReader, _ staging: Staging, _ root: HeldDirectory) throws
  {
    self.entry = entry
    self.content = content
    self.recipe = recipe
    self.staging = staging
    let path = entry.path.description
    guard recipe.isComplete, recipe.chunks.size == content.size, recipe.chunks.digest == content.digest else {
      throw Refusal.digestMismatch.failure("the recipe of \(path) makes another file")
    }
    offsets = recipe.chunks.offsets
    has = Array(repeating: false, count: offsets.count)
    file = try Disk.open(staging.descriptor, Staging.partial(content.digest), O_RDWR | O_CREAT, path: path)
    do {
      log = try Disk.open(
        staging.descriptor, Staging.log(content.digest), O_RDWR | O_CREAT | O_APPEND, path: path)
    } catch {
      close(file)
      throw error
    }
    guard ftruncate(file, off_t(content.size)) == 0 else { throw SyncError.last("make room for", path) }
    try takeUp()
    try copyStanding(root)
    missing = forEachSent { !has[$0] }
    if missing == 0 { try finish() }
  }

  deinit {
    close(file)
    close(log)
  }

  /// Which chunks are here of those that the client would send.
  func held(_ body: (Int) -> Void) {
    _ = forEachSent { index in
      if has[index] { body(index) }
      return false
    }
  }

  /// Takes a chunk as it arrives.
  func take(_ index: Int, _ bytes: ArraySlice<UInt8>) throws {
    guard index < has.count else { throw Refusal.digestMismatch.failure("\(entry.path) has no chunk \(index)") }
    if isFinished || has[index] { return }
    try Staging.write(
      bytes, recipe.chunks.chunks[index], index, at: offsets[index], file, log, entry.path.description)
    has[index] = true
    missing -= 1
    if missing == 0 { try finish() }
  }

  /// Takes what other agents wrote meanwhile, each chunk verified by them.
  func takeFromOthers() throws {
    guard !isFinished else { return }
    for index in try logged() where !has[index] {
      has[index] = true
      missing -= 1
    }
    if missing == 0 { try finish() }
  }

  private func logged() throws -> Set<Int> {
    let bytes = try Disk.read(
      log, at: 0, Int(Disk.stamp(log, named: entry.path.description).size), entry.path.description)
    var logged = Set<Int>()
    for start in stride(from: 0, to: bytes.count - 3, by: 4) {
      let index = (0..<4).reduce(0) { $0 | Int(bytes[start + $1]) << (8 * $1) }
      if index < has.count { logged.insert(index) }
    }
    return logged
  }

  @discardableResult
  private func forEachSent(_ body: (Int) -> Bool) -> Int {
    var index = 0
    var count = 0
    for run in recipe.runs {
      switch run {
      case .sent(let length):
        for chunk in index..<(index + length) where body(chunk) { count += 1 }
        index += length
      case .copied(_, _, let length), .earlier(_, let length): index += length
      }
    }
    return count
  }

  /// What an attempt before left: believed chunk by chunk, once its bytes have their digest.
  private func takeUp() throws {
    let path = entry.path.description
    let logged = try logged()
    guard !logged.isEmpty else { return }
    let indices = logged.sorted()
    let good = Mutex<[Int]>([])
    let (file, chunks, offsets) = (file, recipe.chunks.chunks, offsets)
    try Threads.forEach(indices.count) { number in
      let index = indices[number]
      let found = try Disk.read(file, at: offsets[index], Int(chunks[index].length), path)
      if Digest.sha256(of: found) == chunks[index].digest { good.withLock { $0.append(index) } }
    }
    for index in good.withLock({ $0 }) { has[index] = true }
  }

  /// Copies what the recipe takes from files of the workspace.
  private func copyStanding(_ root: HeldDirectory) throws {
    var pieces: [Piece] = []
    var index = 0
    for run in recipe.runs {
      switch run {
      case .sent(let count), .earlier(_, let count): index += count
      case .copied(let source, let first, let count):
        pieces.append(Piece(index: index, source: source, first: first, count: count))
        index += count
      }
    }
    guard !pieces.isEmpty else { return }
    let sources = try zip(recipe.sources, recipe.lists).map { try OpenSource($0, root, $1) }
    // Long runs in parts, so that there is work for every processor.
    let parts = pieces.flatMap { $0.divided(by: 64) }
    let (file, chunks, offsets, path) = (file, recipe.chunks.chunks, offsets, entry.path.description)
    try Threads.forEach(parts.count) { number in
      let piece = parts[number]
      for step in 0..<piece.count {
        let chunk = chunks[piece.index + step]
        if chunk.isZeros { continue }
        let bytes = try Disk.read(
          sources[piece.source].file, at: sources[piece.source].offsets[piece.first + step], Int(chunk.length), path)
        guard bytes.count == chunk.length, Digest.sha256(of: bytes) == chunk.digest else {
          throw Refusal.treeChanged.failure(
            "\(path) is made of a file that changed on the host meanwhile. Run the same command again",
            details: ["paths": [path]])
        }
        try bytes.withUnsafeBytes { try Disk.write(file, at: offsets[piece.index + step], $0, path) }
      }
    }
    for piece in pieces { for step in 0..<piece.count { has[piece.index + step] = true } }
  }

  private func finish() throws {
    let path = entry.path.description
    var index = 0
    for run in recipe.runs {
      guard case .earlier(let first, let count) = run else {
        index += run.count
        continue
      }
      for step in 0..<count {
        let chunk = recipe.chunks.chunks[index + step]
        if !chunk.isZeros {
          let bytes = try Disk.read(file, at: offsets[first + step], Int(chunk.length), path)
          try bytes.withUnsafeBytes { try Disk.write(file, at: offsets[index + step], $0, path) }
        }
      }
      index += count
    }
    try Staging.settle(file, entry)
    try Disk.rename(
      staging.descriptor, Staging.partial(content.digest), staging.descriptor, Staging.content(content.digest), path)
    _ = Disk.withPath(Staging.log(content.digest)) { unlinkat(staging.descriptor, $0, 0) }
    isFinished = true
  }
}

/// A run of chunks that is copied.
private struct Piece: Sendable {
  var index: Int
  var source: Int
  var first: Int
  var count: Int

  func divided(by length: Int) -> [Piece] {
    stride(from: 0, to: count, by: length).map { start in
      Piece(index: index + start, source: source, first: first + start, count: min(length, count - start))
    }
  }
}

/// A file of the workspace from which chunks are copied.
private final class OpenSource: Sendable {
  let file: Int32
  let offsets: [Int]

  init(_ source: Recipe.Source, _ root: HeldDirectory, _ list: ChunkList) throws {
    file = try Disk.open(
      try root.parent(of: source.path), source.path.name, O_RDONLY | O_NONBLOCK, path: source.path.description)
    offsets = list.offsets
  }

  deinit { close(file) }
}

extension Recipe.Run {
  /// Chunks.
  var count: Int {
    switch self {
    case .sent(let count), .copied(_, _, let count), .earlier(_, let count): count
    }
  }
}
