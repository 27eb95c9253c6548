// SPDX-License-Identifier: Apache-2.0

/// Reads and writes the data types of SSH (RFC 4251, section 5): big-endian numbers, and strings with their length.
struct SSHBlobReader {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// `nil` at the end.
  mutating func readByte() -> UInt8? {
    guard position < bytes.count else { return nil }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func readUInt32() -> Int? {
    guard bytes.count - position >= 4 else { return nil }
    defer { position += 4 }
    return bytes[position..<(position + 4)].reduce(0) { $0 << 8 | Int($1) }
  }

  mutating func readString() -> [UInt8]? {
    let start = position
    guard let count = readUInt32(), count <= bytes.count - position else {
      position = start
      return nil
    }
    defer { position += count }
    return Array(bytes[position..<(position + count)])
  }

  mutating func readText() -> String? { readString().map { String(decoding: $0, as: UTF8.self) } }

  /// A number that is not negative, without its leading zeros.
  mutating func readNumber() -> [UInt8]? { readString().map { Array($0.drop { $0 == 0 }) } }

  mutating func skip(_ count: Int) -> Bool {
    guard bytes.count - position >= count else { return false }
    position += count
    return true
  }
}

struct SSHBlobWriter {
  private(set) var bytes: [UInt8] = []

  mutating func write(byte: UInt8) { bytes.append(byte) }

  mutating func write(_ number: UInt32) {
    for shift in [UInt32(24), 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
  }

  mutating func write(_ string: [UInt8]) {
    write(UInt32(string.count))
    bytes += string
  }

  /// An mpint that is not negative, from its big-endian bytes.
  mutating func write(number: [UInt8]) {
    let digits = number.drop { $0 == 0 }
    write((digits.first.map { $0 >= 0x80 } ?? false) ? [0] + digits : Array(digits))
  }
}
