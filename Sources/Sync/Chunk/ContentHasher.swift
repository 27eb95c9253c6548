// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Dispatch
internal import Synchronization
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What a file holds: its digest, and where it is divided its chunks.
enum ContentHasher {
  /// Reads an open file from its beginning to its end. Throws ``SyncError``.
  static func read(_ file: Int32, _ path: String) throws -> (content: Content, chunks: ChunkList?) {
    let stamp = try Disk.stamp(file, named: path)
    guard stamp.size > Int64(Content.largestWhole) else {
      let bytes = try Disk.read(file, at: 0, Int(Content.largestWhole) + 1, path)
      if bytes.count <= Content.largestWhole {
        return (Content(digest: .sha256(of: bytes), size: UInt64(bytes.count)), nil)
      }
      return try divided(file, path)
    }
    return try divided(file, path)
  }

  private static func divided(_ file: Int32, _ path: String) throws -> (content: Content, chunks: ChunkList?) {
    let list = try ChunkedReader(file, path).read()
    let size = list.size
    guard size <= Content.largestWhole else { return (Content(digest: list.digest, size: size), list) }
    // It shrank while it was read.
    let bytes = try Disk.read(file, at: 0, Int(Content.largestWhole), path)
    return (Content(digest: .sha256(of: bytes), size: UInt64(bytes.count)), nil)
  }
}

/// Divides one file: cuts are found on one thread, while another hashes the chunks before them. Holes are not read.
private final class ChunkedReader {
  private let file: Int32
  private let path: String
  private let isSparse: Bool
  private let chunking = FastCDC.standard
  private var list = ChunkList()

  private static let blockSize = 8 << 20
  private static let queue = DispatchQueue(label: "remote-build.sync.hashing", attributes: .concurrent)

  init(_ file: Int32, _ path: String) {
    self.file = file
    self.path = path
    var status = stat()
    isSparse = fstat(file, &status) == 0 && Int64(status.st_blocks) * 512 < Int64(status.st_size)
  }

  /// Bytes and the chunks in them, whose digests come later. `@unchecked`: filled by one thread, then hashed by others
  /// that each write a chunk of their own, then read by the first.
  private final class Block: @unchecked Sendable {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: ChunkedReader.blockSize, alignment: 64)
    var cuts: [Range<Int>] = []
    var digests: UnsafeMutableBufferPointer<Digest> = .init(start: nil, count: 0)

    deinit {
      buffer.deallocate()
      digests.deallocate()
    }
  }

  func read() throws -> ChunkList {
    var position = 0
    var (current, other) = (Block(), Block())
    let hashed = DispatchGroup()
    var pending: Block?
    defer { hashed.wait() }
    while true {
      // Chunks before a hole must be in the list before the hole's own.
      let (skipped, next) = try skipHole(position)
      if skipped > 0 {
        hashed.wait()
        take(&pending)
        list.chunks.append(contentsOf: repeatElement(Self.zeros, count: skipped))
        position = next
      }
      let count = try fill(current, position)
      if count == 0 { break }
      let isLast = count < Self.blockSize
      cut(current, count, isLast: isLast)
      position += current.cuts.last?.upperBound ?? 0
      hashed.wait()
      take(&pending)
      let block = current
      Self.queue.async(group: hashed) { Self.hash(block) }
      pending = block
      swap(&current, &other)
      if isLast { break }
    }
    hashed.wait()
    take(&pending)
    return list
  }

  private func take(_ pending: inout Block?) {
    guard let block = pending else { return }
    for (cut, digest) in zip(block.cuts, block.digests) {
      list.chunks.append(ChunkList.Chunk(digest: digest, length: UInt32(cut.count)))
    }
    block.digests.deallocate()
    block.digests = .init(start: nil, count: 0)
    pending = nil
  }

  private func fill(_ block: Block, _ position: Int) throws -> Int {
    var filled = 0
    while filled < Self.blockSize {
      let count = pread(file, block.buffer.baseAddress! + filled, Self.blockSize - filled, off_t(position + filled))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw SyncError.last("read", path) }
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  private func cut(_ block: Block, _ count: Int, isLast: Bool) {
    block.cuts.removeAll(keepingCapacity: true)
    var start = 0
    while start < count && (isLast || count - start >= chunking.maximum) {
      let length = chunking.cut(UnsafeRawBufferPointer(rebasing: block.buffer[start..<count])).length
      block.cuts.append(start..<(start + length))
      start += length
    }
    block.digests = .allocate(capacity: block.cuts.count)
  }

  private static func hash(_ block: Block) {
    let parts = min(4, block.cuts.count)
    DispatchQueue.concurrentPerform(iterations: parts) { part in
      for index in stride(from: part, to: block.cuts.count, by: parts) {
        var hasher = DigestHasher()
        hasher.update(UnsafeRawBufferPointer(rebasing: block.buffer[block.cuts[index]]))
        (block.digests.baseAddress! + index).initialize(to: hasher.finish())
      }
    }
  }

  /// How many chunks lie whole in the hole at `position`, and where the one after them begins.
  private func skipHole(_ position: Int) throws -> (count: Int, next: Int) {
    guard isSparse else { return (0, position) }
    var data = Int(rb_next_data(file, Int64(position)))
    if data < 0 {
      guard errno == ENXIO else { return (0, position) }
      data = Int(lseek(file, 0, SEEK_END))
    }
    let length = Int(Self.zeros.length)
    guard data - position >= chunking.maximum else { return (0, position) }
    let count = (data - position - chunking.maximum) / length + 1
    return (count, position + count * length)
  }

  /// What a chunk of nothing but zeros is.
  private static let zeros: ChunkList.Chunk = {
    let bytes = [UInt8](repeating: 0, count: FastCDC.standard.maximum)
    let length = bytes.withUnsafeBytes { FastCDC.standard.cut($0).length }
    return ChunkList.Chunk(digest: .sha256(of: bytes[..<length]), length: UInt32(length))
  }()

  /// Whether a chunk is nothing but zeros, of the length that such chunks have.
  static func isZeros(_ chunk: ChunkList.Chunk) -> Bool { chunk == zeros }
}

extension ChunkList.Chunk {
  /// Whether the chunk is nothing but zeros, as far as its digest is the known one.
  var isZeros: Bool { ChunkedReader.isZeros(self) }
}
