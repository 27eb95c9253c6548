// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

/// How a big file is put together on the host: from chunks of files that stand there, and from chunks that are sent.
struct Recipe: Sendable {
  enum Run: Hashable, Sendable {
    /// So many chunks are sent.
    case sent(count: Int)
    /// So many chunks are those of a source from its chunk `first` on.
    case copied(source: Int, first: Int, count: Int)
    /// So many chunks are the same as earlier ones of this file.
    case earlier(first: Int, count: Int)
  }

  /// A file of the base tree.
  struct Source: Hashable, Sendable {
    var path: TreePath
    var content: Content
  }

  /// Which of the contents that are sent this is.
  var ordinal: UInt64
  var path: TreePath
  var content: Content
  var sources: [Source] = []
  var runs: [Run] = []

  /// Chunks in so many bytes of a frame, about.
  private static let frameBytes = 256 << 10

  /// The frames that tell it: each begins with the ordinal and whether it is the last.
  /// - Parameter chunks: the file's own.
  func frames(_ chunks: ChunkList) -> [[UInt8]] {
    var frames: [[UInt8]] = []
    var body = MessageEncoder()
    func cut(isLast: Bool) {
      var head = MessageEncoder()
      head.write(ordinal)
      head.write(isLast)
      frames.append(head.bytes + body.bytes)
      body = MessageEncoder()
    }
    for source in sources {
      body.write(byte: 0)
      body.write(source.path.bytes)
      body.write(source.content.size)
      body.write(source.content.digest)
    }
    var index = 0
    for run in runs {
      switch run {
      case .sent(let count):
        for chunk in chunks.chunks[index..<(index + count)] {
          body.write(byte: 1)
          body.write(UInt64(chunk.length))
          body.write(chunk.digest)
          if body.bytes.count >= Self.frameBytes { cut(isLast: false) }
        }
        index += count
      case .copied(let source, let first, let count):
        body.write(byte: 2)
        for number in [source, first, count] { body.write(UInt64(number)) }
        index += count
      case .earlier(let first, let count):
        body.write(byte: 3)
        for number in [first, count] { body.write(UInt64(number)) }
        index += count
      }
      if body.bytes.count >= Self.frameBytes { cut(isLast: false) }
    }
    cut(isLast: true)
    return frames
  }
}

/// Puts a recipe together on the host, frame by frame: the file's chunks, and where each comes from.
struct RecipeReader {
  let ordinal: UInt64
  private(set) var sources: [Recipe.Source] = []
  /// The chunks of each source.
  private(set) var lists: [ChunkList] = []
  private(set) var runs: [Recipe.Run] = []
  private(set) var chunks = ChunkList()
  private(set) var isComplete = false
  private let limit: UInt64
  private var size: UInt64 = 0
  private var mostChunks = ChunkList.most

  private static let mostSources = 8192

  /// - Parameter limit: bytes that the whole file may have.
  init(ordinal: UInt64, limit: UInt64) {
    self.ordinal = ordinal
    self.limit = limit
  }

  /// Takes a frame's rest after its ordinal.
  /// - Parameters:
  ///   - most: how many chunks it may add.
  ///   - list: the chunks of a source.
  /// - Returns: how many it added.
  /// - Throws: `WireError` for what is malformed, what names chunks that are not there, or more than the file has.
  mutating func take(
    _ decoder: inout MessageDecoder, most: Int = ChunkList.most, list: (Recipe.Source) throws -> ChunkList
  ) throws -> Int {
    guard !isComplete else { throw Self.malformed }
    let before = chunks.chunks.count
    mostChunks = min(ChunkList.most, before + most)
    isComplete = try decoder.readBool()
    while !decoder.isAtEnd {
      switch try decoder.readByte() {
      case 0:
        let path = try TreePath(try decoder.readBytes())
        let size = try decoder.readUInt()
        guard sources.count < Self.mostSources else { throw Self.malformed }
        let source = Recipe.Source(path: path, content: Content(digest: try decoder.readDigest(), size: size))
        lists.append(try list(source))
        sources.append(source)
      case 1:
        let length = try decoder.readUInt()
        guard length > 0, length <= UInt64(FastCDC.standard.maximum) else { throw Self.malformed }
        try add(ChunkList.Chunk(digest: try decoder.readDigest(), length: UInt32(length)))
        if case .sent(let count)? = runs.last {
          runs[runs.count - 1] = .sent(count: count + 1)
        } else {
          runs.append(.sent(count: 1))
        }
      case 2:
        let (source, first, count) = (try index(&decoder), try index(&decoder), try index(&decoder))
        guard source < sources.count else { throw Self.malformed }
        let list = lists[source]
        guard count > 0, first < list.chunks.count, count <= list.chunks.count - first else { throw Self.malformed }
        for chunk in list.chunks[first..<(first + count)] { try add(chunk) }
        runs.append(.copied(source: source, first: first, count: count))
      case 3:
        let (first, count) = (try index(&decoder), try index(&decoder))
        guard count > 0, first < chunks.chunks.count, count <= ChunkList.most else { throw Self.malformed }
        // May reach into itself: one chunk many times over. Not as a slice, which would share the array that it is
        // added to, and so have all of it copied each time.
        for offset in 0..<count { try add(chunks.chunks[first + offset]) }
        runs.append(.earlier(first: first, count: count))
      default: throw Self.malformed
      }
    }
    return chunks.chunks.count - before
  }

  private mutating func add(_ chunk: ChunkList.Chunk) throws {
    size += UInt64(chunk.length)
    guard chunks.mayGoOn, size <= limit, chunks.chunks.count < mostChunks else { throw Self.malformed }
    chunks.chunks.append(chunk)
  }

  private func index(_ decoder: inout MessageDecoder) throws -> Int {
    let value = try decoder.readUInt()
    guard value <= UInt64(ChunkList.most) else { throw Self.malformed }
    return Int(value)
  }

  private static let malformed = WireError(.malformed, "a recipe that makes no file")
}
