// SPDX-License-Identifier: Apache-2.0

internal import CZstd
internal import Vocabulary
internal import Wire

/// A content that is sent, or one chunk of it.
struct ContentPiece {
  enum Place: Hashable, Sendable {
    /// A whole content: which of those that are sent.
    case whole(UInt64)
    /// A chunk of a divided content.
    case chunk(Digest, Int)
  }

  var place: Place
  var bytes: ArraySlice<UInt8>
}

/// Many pieces in one frame, compressed where that pays.
final class Packer {
  /// Content bytes that a pack aims at.
  static let size = Frame.bulkPayload
  static let mostPieces = 8192
  /// zstd's: 3 where the line is what takes time, 2 where it is this: half again as fast on source, and packs nearly as well.
  var level: Int32 = 3
  private static let probe = 64 << 10

  private let context = ZSTD_createCCtx()
  private var body = MessageEncoder()
  private(set) var pieces = 0

  deinit { ZSTD_freeCCtx(context) }

  var isFull: Bool { body.bytes.count >= Self.size || pieces >= Self.mostPieces }

  func add(_ piece: ContentPiece) {
    switch piece.place {
    case .whole(let ordinal):
      body.write(byte: 0)
      body.write(ordinal)
    case .chunk(let digest, let index):
      body.write(byte: 1)
      body.write(digest)
      body.write(UInt64(index))
    }
    body.write(piece.bytes)
    pieces += 1
  }

  /// What was added, as a frame's payload: a byte for the method, the size of the pieces' encoding, and the encoding.
  func finish() -> [UInt8] {
    let bytes = body.bytes
    body = MessageEncoder()
    pieces = 0
    var head = MessageEncoder()
    if let packed = compress(bytes) {
      head.write(byte: 1)
      head.write(UInt64(bytes.count))
      return head.bytes + packed
    }
    head.write(byte: 0)
    head.write(UInt64(bytes.count))
    return head.bytes + bytes
  }

  /// `nil` where the first 64 KiB save under five per cent.
  private func compress(_ body: [UInt8]) -> [UInt8]? {
    if body.count > Self.probe {
      guard let sample = compressed(body[..<Self.probe]), sample.count * 20 <= Self.probe * 19 else { return nil }
    }
    guard let packed = compressed(body[...]), packed.count < body.count else { return nil }
    return packed
  }

  private func compressed(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
    let bound = ZSTD_compressBound(bytes.count)
    var failed = false
    let packed = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      let level = level
      let result = bytes.withUnsafeBytes {
        ZSTD_compressCCtx(context, buffer.baseAddress, bound, $0.baseAddress, $0.count, level)
      }
      failed = ZSTD_isError(result) != 0
      count = failed ? 0 : result
    }
    return failed ? nil : packed
  }
}

/// Reads the pieces of a pack.
enum Unpacker {
  /// Throws `WireError` for what is malformed, or announces more than a pack may hold.
  static func pieces(_ payload: [UInt8]) throws -> [ContentPiece] {
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
    var reader = MessageDecoder(body)
    var pieces: [ContentPiece] = []
    while !reader.isAtEnd {
      let place: ContentPiece.Place
      switch try reader.readByte() {
      case 0: place = .whole(try reader.readUInt())
      case 1: place = .chunk(try reader.readDigest(), Int(clamping: try reader.readUInt()))
      case let kind: throw WireError(.malformed, "a piece of kind \(kind)")
      }
      let count = try reader.readCount()
      let start = body.count - reader.remaining
      try reader.skip(count)
      guard pieces.count < Packer.mostPieces else { throw WireError(.tooLarge, "a pack of too many pieces") }
      pieces.append(ContentPiece(place: place, bytes: body[start..<(start + count)]))
    }
    return pieces
  }
}
