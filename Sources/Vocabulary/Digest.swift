// SPDX-License-Identifier: Apache-2.0

internal import Crypto

/// A SHA-256 digest: 32 bytes, written as `sha256:` and 64 lower-case hexadecimal digits, as the OCI image
/// specification writes it.
public struct Digest: Hashable, Sendable, Comparable {
  /// The bytes in their order, eight a word: a digest is a plain value and needs no memory of its own.
  private let words: (first: UInt64, second: UInt64, third: UInt64, fourth: UInt64)

  /// Takes 32 raw bytes; `nil` for any other count.
  public init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count == 32 else { return nil }
    words = (
      bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
      bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
    )
  }

  /// Takes 32 raw bytes; `nil` for any other count.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 32 else { return nil }
    let made =
      bytes.withContiguousStorageIfAvailable { Digest(UnsafeRawBufferPointer($0)) }
      ?? Array(bytes).withUnsafeBytes { Digest($0) }
    guard let made else { return nil }
    self = made
  }

  /// Parses `sha256:<64 lower-case hexadecimal digits>`; `nil` for anything else, other algorithms included.
  public init?(_ text: String) {
    guard text.hasPrefix("sha256:") else { return nil }
    self.init(hex: text.dropFirst(7))
  }

  /// Parses 64 lower-case hexadecimal digits without a prefix; `nil` for anything else.
  public init?(hex: some StringProtocol) {
    let digits = Array(hex.utf8)
    guard digits.count == 64 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    for index in stride(from: 0, to: 64, by: 2) {
      guard let high = Self.value(digits[index]), let low = Self.value(digits[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    self.init(bytes: bytes)
  }

  /// The digest's 32 bytes.
  public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

  public func withUnsafeBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
    try Swift.withUnsafeBytes(of: words, body)
  }

  public static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }

  public func hash(into hasher: inout Hasher) {
    // The bytes are evenly spread already.
    hasher.combine(words.first)
    hasher.combine(words.second)
  }

  /// The digest of `data`.
  public static func sha256(of data: some Sequence<UInt8>) -> Digest {
    var hasher = DigestHasher()
    if data.withContiguousStorageIfAvailable({ hasher.update(UnsafeRawBufferPointer($0)) }) == nil {
      hasher.update(Array(data))
    }
    return hasher.finish()
  }

  /// The digest of a text's UTF-8 bytes.
  public static func sha256(of text: String) -> Digest { sha256(of: Array(text.utf8)) }

  /// 64 lower-case hexadecimal digits.
  public var hex: String {
    withUnsafeBytes { bytes in
      String(unsafeUninitializedCapacity: 64) { digits in
        for (index, byte) in bytes.enumerated() {
          digits[2 * index] = Self.digit(byte >> 4)
          digits[2 * index + 1] = Self.digit(byte & 15)
        }
        return 64
      }
    }
  }

  /// The first eight hexadecimal digits: enough for a person to tell two digests apart.
  public var short: String { String(hex.prefix(8)) }

  public static func < (left: Digest, right: Digest) -> Bool {
    left.withUnsafeBytes { left in right.withUnsafeBytes { left.lexicographicallyPrecedes($0) } }
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }
}

extension Digest: CustomStringConvertible, Codable {
  public var description: String { "sha256:\(hex)" }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let digest = Digest(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a SHA-256 digest: \(text)")
    }
    self = digest
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// Computes a ``Digest`` over bytes that arrive in pieces.
public struct DigestHasher: Sendable {
  private var state = SHA256()

  public init() {}

  public mutating func update(_ bytes: UnsafeRawBufferPointer) { state.update(bufferPointer: bytes) }

  public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { state.update(bufferPointer: $0) } }

  /// The digest of everything so far; the hasher may be updated further.
  public func finish() -> Digest { state.finalize().withUnsafeBytes { Digest($0)! } }
}
