// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

/// Finds which chunks of a big file the host has already.
struct RecipePlanner {
  private let store: ChunkStore?
  /// The host's big files.
  private let divided: [(path: TreePath, content: Content)]
  private var sources: [Recipe.Source] = []
  private var lists: [ChunkList] = []
  /// Chunks of all sources, by digest: an index into `places`.
  private var table = DigestTable()
  private var places: [(source: UInt32, index: UInt32)] = []
  private var isLoaded = false

  /// So many chunks of the host's are kept in mind.
  private static let mostPlaces = 1 << 20

  init(store: ChunkStore?, divided: [(path: TreePath, content: Content)]) {
    self.store = store
    self.divided = divided
  }

  /// The recipe of a file with these chunks, and the bytes of those that are to be sent.
  mutating func recipe(_ entry: TreeEntry, _ content: Content, _ chunks: ChunkList, ordinal: UInt64)
    -> (recipe: Recipe, bytes: UInt64)
  {
    load()
    var recipe = Recipe(ordinal: ordinal, path: entry.path, content: content)
    var named: [Int: Int] = [:]
    var own = DigestTable()
    var bytes: UInt64 = 0
    for (index, chunk) in chunks.chunks.enumerated() {
      if let first = own[chunk.digest] {
        // Rather the chunk just before than the first of many equal ones: a run of them is one step then.
        let before = index > 0 && chunks.chunks[index - 1] == chunk ? index - 1 : Int(first)
        recipe.extend(earlier: before) { $0 < index && chunks.chunks[$0] == chunk }
      } else if let place = table[chunk.digest].map({ places[Int($0)] }) {
        let source = Int(place.source)
        let number = named[source] ?? recipe.sources.count
        if named[source] == nil {
          named[source] = number
          recipe.sources.append(sources[source])
        }
        // The next chunk of the same source, rather than an equal one elsewhere.
        recipe.extend(source: number, chunk: Int(place.index)) {
          $0 < lists[source].chunks.count && lists[source].chunks[$0] == chunk
        }
        own.set(chunk.digest, UInt32(index))
      } else {
        if case .sent(let count)? = recipe.runs.last {
          recipe.runs[recipe.runs.count - 1] = .sent(count: count + 1)
        } else {
          recipe.runs.append(.sent(count: 1))
        }
        bytes += UInt64(chunk.length)
        own.set(chunk.digest, UInt32(index))
      }
    }
    return (recipe, bytes)
  }

  private mutating func load() {
    guard !isLoaded else { return }
    isLoaded = true
    for (path, content) in divided {
      guard places.count < Self.mostPlaces, let list = store?.load(content) else { continue }
      for (index, chunk) in list.chunks.enumerated() where table[chunk.digest] == nil {
        table.set(chunk.digest, UInt32(places.count))
        places.append((UInt32(sources.count), UInt32(index)))
      }
      sources.append(Recipe.Source(path: path, content: content))
      lists.append(list)
    }
  }
}

extension Recipe {
  fileprivate mutating func extend(earlier first: Int, isSame: (Int) -> Bool) {
    if case .earlier(let begin, let count)? = runs.last, isSame(begin + count) {
      runs[runs.count - 1] = .earlier(first: begin, count: count + 1)
    } else {
      runs.append(.earlier(first: first, count: 1))
    }
  }

  fileprivate mutating func extend(source: Int, chunk: Int, isSame: (Int) -> Bool) {
    if case .copied(source, let first, let count)? = runs.last, isSame(first + count) {
      runs[runs.count - 1] = .copied(source: source, first: first, count: count + 1)
    } else {
      runs.append(.copied(source: source, first: chunk, count: 1))
    }
  }
}
