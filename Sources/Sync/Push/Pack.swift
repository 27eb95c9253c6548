// SPDX-License-Identifier: Apache-2.0

internal import CZstd
internal import Vocabulary
internal import Wire

/// A piece of a file's content: pieces of one content follow one another in order, until its size is reached.
struct ContentPiece {
  var digest: Digest
  var bytes: ArraySlice<UInt8>
}

/// Many pieces in one frame, compressed where that pays.
enum Pack {
  /// Content bytes that a pack aims at.
  static let size = Frame.bulkPayload
  static let level: Int32 = 3
  private static let probe = 64 << 10

  /// A frame's payload: a byte for the method, the size of the pieces' encoding, and the encoding.
  static func encode(_ pieces: [ContentPiece]) -> [UInt8] {
    var body: [UInt8] = []
    body.reserveCapacity(pieces.reduce(0) { $0 + $1.bytes.count + 40 })
    for piece in pieces {
      var head = MessageEncoder()
      head.write(piece.digest)
      head.write(UInt64(piece.bytes.count))
      body += head.bytes
      body += piece.bytes
    }
    var head = MessageEncoder()
    if let packed = compress(body) {
      head.write(byte: 1)
      head.write(UInt64(body.count))
      return head.bytes + packed
    }
    head.write(byte: 0)
    head.write(UInt64(body.count))
    return head.bytes + body
  }

  /// `nil` where the first 64 KiB save under five per cent.
  private static func compress(_ body: [UInt8]) -> [UInt8]? {
    if body.count > probe {
      guard let sample = compressed(body[..<probe]), sample.count * 20 <= probe * 19 else { return nil }
    }
    guard let packed = compressed(body[...]), packed.count < body.count else { return nil }
    return packed
  }

  private static func compressed(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
    let bound = ZSTD_compressBound(bytes.count)
    var failed = false
    let packed = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      let result = bytes.withUnsafeBytes { ZSTD_compress(buffer.baseAddress, bound, $0.baseAddress, $0.count, level) }
      failed = ZSTD_isError(result) != 0
      count = failed ? 0 : result
    }
    return failed ? nil : packed
  }

  /// Throws `WireError` for what is malformed, or announces more than a pack may hold.
  static func decode(_ payload: [UInt8]) throws -> [ContentPiece] {
    var decoder = MessageDecoder(payload)
    let method = try decoder.readByte()
    let size = try decoder.readUInt()
    guard size <= UInt64(Frame.maximumPayload) else { throw WireError(.tooLarge, "a pack of \(size) bytes") }
    let packed = payload[(payload.count - decoder.remaining)...]
    let body: [UInt8]
    switch method {
    case 0: body = Array(packed)
    case 1:
      body = [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
        let result = packed.withUnsafeBytes { ZSTD_decompress(buffer.baseAddress, Int(size), $0.baseAddress, $0.count) }
        count = ZSTD_isError(result) != 0 ? 0 : min(result, Int(size))
      }
    default: throw WireError(.malformed, "a pack of method \(method)")
    }
    guard body.count == size else { throw WireError(.malformed, "a pack that does not unpack to \(size) bytes") }
    return try pieces(body)
  }

  private static func pieces(_ body: [UInt8]) throws -> [ContentPiece] {
    var pieces: [ContentPiece] = []
    var position = 0
    while position < body.count {
      var head = MessageDecoder(Array(body[position..<min(body.count, position + 48)]))
      let available = head.remaining
      let digest = try head.readDigest()
      let count = try head.readUInt()
      position += available - head.remaining
      guard count <= UInt64(body.count - position) else { throw WireError(.malformed, "a piece of \(count) bytes") }
      pieces.append(ContentPiece(digest: digest, bytes: body[position..<(position + Int(count))]))
      position += Int(count)
    }
    return pieces
  }
}
