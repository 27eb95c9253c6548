// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

/// Reads those chunks of a big file that are sent, one after another.
final class DividedReader {
  let recipe: Recipe
  private let chunks: ChunkList
  private let file: Int32
  private let held: HeldContents
  private var runs: ArraySlice<Recipe.Run>
  /// The next chunk, and where it begins.
  private var index = 0
  private var offset = 0
  /// Chunks of the run under way that are still to come.
  private var left = 0

  /// Throws ``SyncError`` with `changedWhileSent`, here and later.
  init(_ recipe: Recipe, _ plan: PushPlan, _ held: HeldContents) throws {
    self.recipe = recipe
    self.held = held
    chunks = try plan.chunks(of: recipe)
    runs = recipe.runs[...]
    file = try ContentReader.open(plan.scan.root, recipe.path)
  }

  deinit { Disk.close(file) }

  /// The next chunk's number and bytes; `nil` at the end.
  func next() throws -> (chunk: Int, bytes: [UInt8])? {
    guard let place = nextPlace() else { return nil }
    return (place.chunk, try Self.read(file, place, chunks, recipe.path))
  }

  /// Where the next chunk that is sent lies.
  private func nextPlace() -> (chunk: Int, offset: Int)? {
    while true {
      while left == 0 {
        guard let run = runs.popFirst() else { return nil }
        if case .sent(let count) = run { left = count } else { for _ in 0..<run.count { pass() } }
      }
      left -= 1
      let place = (index, offset)
      pass()
      if !held.has(chunk: place.0, of: recipe.ordinal) { return place }
    }
  }

  private func pass() {
    offset += Int(chunks.chunks[index].length)
    index += 1
  }

  /// A chunk's bytes, if they are still what they were.
  private static func read(
    _ file: Int32, _ place: (chunk: Int, offset: Int), _ chunks: ChunkList, _ path: TreePath
  ) throws -> [UInt8] {
    let chunk = chunks.chunks[place.chunk]
    let bytes = try Disk.read(file, at: place.offset, Int(chunk.length), path.description)
    guard bytes.count == chunk.length, Digest.sha256(of: bytes) == chunk.digest else {
      throw ContentReader.changed(path)
    }
    return bytes
  }

  /// The next chunks of about so many bytes, to be read by ``read(_:)``, perhaps on another thread; `nil` at the end.
  func nextBatch(of bytes: Int) -> Batch? {
    var places: [(chunk: Int, offset: Int)] = []
    var total = 0
    while total < bytes, let place = nextPlace() {
      places.append(place)
      total += Int(chunks.chunks[place.chunk].length)
    }
    return places.isEmpty ? nil : Batch(owner: self, places: places)
  }

  struct Batch: @unchecked Sendable {
    // `@unchecked`: of its owner it uses constants alone.
    fileprivate let owner: DividedReader
    fileprivate let places: [(chunk: Int, offset: Int)]

    /// Hands on each chunk as a piece. Throws ``SyncError`` with `changedWhileSent`.
    func read(_ body: (ContentPiece) -> Void) throws {
      for place in places {
        let bytes = try DividedReader.read(owner.file, place, owner.chunks, owner.recipe.path)
        body(ContentPiece(place: .chunk(owner.recipe.content.digest, place.chunk), bytes: bytes[...]))
      }
    }
  }
}
