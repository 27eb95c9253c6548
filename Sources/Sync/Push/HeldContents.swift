// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// What a host has staged already of the contents that a push sends: from an attempt that broke off.
struct HeldContents: Sendable {
  /// Contents that are whole, as ranges in order.
  private(set) var complete: [Range<UInt64>] = []
  /// Chunks of others, as ranges in order.
  private(set) var chunks: [UInt64: [Range<Int>]] = [:]

  var isEmpty: Bool { complete.isEmpty && chunks.isEmpty }

  /// Ordinals come in order.
  mutating func add(_ ordinal: UInt64) {
    if let last = complete.last, last.upperBound == ordinal {
      complete[complete.count - 1] = last.lowerBound..<(ordinal + 1)
    } else {
      complete.append(ordinal..<(ordinal + 1))
    }
  }

  /// Chunks of one content come in order.
  mutating func add(chunk: Int, of ordinal: UInt64) {
    var ranges = chunks[ordinal] ?? []
    if let last = ranges.last, last.upperBound == chunk {
      ranges[ranges.count - 1] = last.lowerBound..<(chunk + 1)
    } else {
      ranges.append(chunk..<(chunk + 1))
    }
    chunks[ordinal] = ranges
  }

  func isComplete(_ ordinal: UInt64) -> Bool { Self.contains(complete, ordinal) }

  func has(chunk: Int, of ordinal: UInt64) -> Bool { chunks[ordinal].map { Self.contains($0, chunk) } ?? false }

  private static func contains<Number: Comparable>(_ ranges: [Range<Number>], _ number: Number) -> Bool {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound <= number { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].contains(number)
  }

  /// Frames' payloads, of bounded size, that tell it.
  var encoded: [[UInt8]] {
    var payloads: [[UInt8]] = []
    var encoder = MessageEncoder()
    func cut() {
      payloads.append(encoder.bytes)
      encoder = MessageEncoder()
    }
    for range in complete {
      encoder.write(byte: 0)
      encoder.write(range.lowerBound)
      encoder.write(range.upperBound - range.lowerBound)
      if encoder.bytes.count >= 256 << 10 { cut() }
    }
    for (ordinal, ranges) in chunks.sorted(by: { $0.key < $1.key }) {
      for range in ranges {
        encoder.write(byte: 1)
        encoder.write(ordinal)
        encoder.write(UInt64(range.lowerBound))
        encoder.write(UInt64(range.count))
        if encoder.bytes.count >= 256 << 10 { cut() }
      }
    }
    if !encoder.bytes.isEmpty { cut() }
    return payloads
  }

  /// Adds what one payload tells. Throws `WireError`.
  mutating func decode(_ payload: [UInt8]) throws {
    var decoder = MessageDecoder(payload)
    while !decoder.isAtEnd {
      let kind = try decoder.readByte()
      let first = try decoder.readUInt()
      switch kind {
      case 0:
        let count = try decoder.readUInt()
        guard count <= UInt64(UInt32.max), first <= UInt64(UInt32.max) else { throw Self.malformed }
        complete.append(first..<(first + count))
      case 1:
        let (start, count) = (try decoder.readUInt(), try decoder.readUInt())
        guard start <= UInt64(ChunkList.most), count <= UInt64(ChunkList.most) else { throw Self.malformed }
        chunks[first, default: []].append(Int(start)..<Int(start + count))
      default: throw Self.malformed
      }
    }
  }

  private static let malformed = WireError(.malformed, "what a host says that it holds")
}
