// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

/// The chunks of a file, in order: each one's length and digest.
struct ChunkList: Hashable, Sendable {
  struct Chunk: Hashable, Sendable {
    var digest: Digest
    /// Bytes, up to ``FastCDC/maximum``.
    var length: UInt32
  }

  var chunks: [Chunk] = []

  /// Bytes of the whole file.
  var size: UInt64 { chunks.reduce(0) { $0 + UInt64($1.length) } }

  /// Where each chunk begins.
  var offsets: [Int] {
    var position = 0
    return chunks.map { chunk in
      defer { position += Int(chunk.length) }
      return position
    }
  }

  /// What stands for the file's content: a digest of the chunks' lengths and digests, so that a file's parts can be
  /// hashed side by side, and a part of it be proven by itself.
  var digest: Digest {
    var hasher = DigestHasher()
    var waiting = Array("remote-build chunks 1\n".utf8)
    for chunk in chunks {
      for shift: UInt32 in [0, 8, 16, 24] { waiting.append(UInt8(truncatingIfNeeded: chunk.length >> shift)) }
      chunk.digest.withUnsafeBytes { waiting.append(contentsOf: $0) }
      if waiting.count >= 32 << 10 {
        hasher.update(waiting)
        waiting.removeAll(keepingCapacity: true)
      }
    }
    hasher.update(waiting)
    return hasher.finish()
  }

  /// Runs of equal chunks: a count, a length, a digest.
  var encoded: [UInt8] {
    var encoder = MessageEncoder()
    var index = 0
    while index < chunks.count {
      var end = index + 1
      while end < chunks.count && chunks[end] == chunks[index] { end += 1 }
      encoder.write(UInt64(end - index))
      encoder.write(UInt64(chunks[index].length))
      encoder.write(chunks[index].digest)
      index = end
    }
    return encoder.bytes
  }

  /// Whether a further chunk may follow: only a file's last one is shorter than the least. So a file's size bounds the
  /// count of its chunks.
  var mayGoOn: Bool { chunks.last.map { $0.length >= FastCDC.standard.minimum } ?? true }

  /// The most chunks that a list may have: a file of 1 TiB, about.
  static let most = 1 << 24

  init() {}

  /// - Parameter limit: bytes that the file may have: a few bytes here may stand for very many chunks.
  /// - Throws: `WireError` for what is malformed or too long.
  init(encoded bytes: [UInt8], limit: UInt64) throws {
    var decoder = MessageDecoder(bytes)
    var left = limit
    while !decoder.isAtEnd {
      let count = try decoder.readUInt()
      let length = try decoder.readUInt()
      let digest = try decoder.readDigest()
      guard count > 0, count <= UInt64(Self.most - chunks.count), length > 0, length <= FastCDC.standard.maximum else {
        throw WireError(.malformed, "a list of chunks")
      }
      guard mayGoOn, count <= left / length, count == 1 || length >= FastCDC.standard.minimum else {
        throw WireError(.malformed, "a list of chunks")
      }
      left -= count * length
      let chunk = Chunk(digest: digest, length: UInt32(length))
      chunks.append(contentsOf: repeatElement(chunk, count: Int(count)))
    }
  }
}
