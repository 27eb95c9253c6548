// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// Writes the primitives of which binary messages are made: LEB128 integers, and byte strings that begin with their
/// length.
public struct MessageEncoder: Sendable {
  public private(set) var bytes: [UInt8] = []

  public init() {}

  public mutating func write(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// A signed integer, zigzag encoded.
  public mutating func write(signed value: Int64) { write(UInt64(bitPattern: (value << 1) ^ (value >> 63))) }

  public mutating func write(byte: UInt8) { bytes.append(byte) }

  public mutating func write(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

  /// A byte string with its length in front.
  public mutating func write(_ value: [UInt8]) {
    write(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  public mutating func write(_ value: ArraySlice<UInt8>) {
    write(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  public mutating func write(_ text: String) { write(Array(text.utf8)) }

  public mutating func write(_ digest: Digest) { digest.withUnsafeBytes { bytes.append(contentsOf: $0) } }
}

/// Reads what ``MessageEncoder`` wrote. Every length is checked against what is there before anything is allocated;
/// whatever does not fit throws ``WireError`` with `malformed`.
public struct MessageDecoder: Sendable {
  private let bytes: [UInt8]
  private var position: Int

  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
    position = 0
  }

  public var isAtEnd: Bool { position == bytes.count }

  public var remaining: Int { bytes.count - position }

  /// Throws unless everything was read.
  public func expectEnd() throws {
    guard isAtEnd else { throw WireError(.malformed, "\(remaining) bytes too many in a message") }
  }

  public mutating func readByte() throws -> UInt8 {
    guard position < bytes.count else { throw WireError(.malformed, "a message ended early") }
    defer { position += 1 }
    return bytes[position]
  }

  public mutating func readUInt() throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      let byte = try readByte()
      guard shift < 63 || byte <= 1 else { break }
      value |= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 { return value }
    }
    throw WireError(.malformed, "an integer of more than 64 bits")
  }

  public mutating func readInt() throws -> Int64 {
    let value = try readUInt()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  /// A count of items of which each takes at least `width` bytes of this message.
  public mutating func readCount(ofItemsAtLeast width: Int = 1) throws -> Int {
    let value = try readUInt()
    guard value <= UInt64(remaining / max(1, width)) else { throw WireError(.malformed, "a count of \(value)") }
    return Int(value)
  }

  public mutating func readBool() throws -> Bool {
    switch try readByte() {
    case 0: return false
    case 1: return true
    case let other: throw WireError(.malformed, "a flag of \(other)")
    }
  }

  public mutating func readBytes() throws -> [UInt8] {
    let count = try readCount()
    defer { position += count }
    return Array(bytes[position..<(position + count)])
  }

  /// Passes over bytes that are there.
  public mutating func skip(_ count: Int) throws {
    guard count >= 0, count <= remaining else { throw WireError(.malformed, "a message ended early") }
    position += count
  }

  public mutating func readString() throws -> String {
    guard let text = String(validating: try readBytes(), as: UTF8.self) else {
      throw WireError(.malformed, "a text that is not UTF-8")
    }
    return text
  }

  public mutating func readDigest() throws -> Digest {
    guard remaining >= 32 else { throw WireError(.malformed, "a message ended in a digest") }
    defer { position += 32 }
    return Digest(bytes: bytes[position..<(position + 32)])!
  }
}
