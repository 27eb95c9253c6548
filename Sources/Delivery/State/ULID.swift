// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// An identifier that sorts by its time of making: 48 bits of milliseconds since 1970 and 80 random bits, in Crockford's
/// base 32, 26 characters (the ULID specification).
public struct ULID: Hashable, Sendable, CustomStringConvertible {
  public let description: String

  public init() {
    let milliseconds = UInt64(Date().timeIntervalSince1970 * 1000)
    self.init(milliseconds: milliseconds, high: UInt16.random(in: .min ... .max), low: UInt64.random(in: .min ... .max))
  }

  /// Whether `text` is one: a host's word for a job's id becomes a directory's name here.
  public static func isValid(_ text: String) -> Bool { text.utf8.count == 26 && text.allSatisfy(alphabet.contains) }

  private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

  init(milliseconds: UInt64, high: UInt16, low: UInt64) {
    var value = (UInt128(milliseconds) & 0xffff_ffff_ffff) << 80 | UInt128(high) << 64 | UInt128(low)
    var characters: [Character] = []
    for _ in 0..<26 {
      characters.append(Self.alphabet[Int(value & 31)])
      value >>= 5
    }
    description = String(characters.reversed())
  }
}
