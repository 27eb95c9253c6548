// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

/// Numbers by digest, in a fraction of a dictionary's memory: of each digest the first half is kept.
struct DigestTable {
  private var keys: [(UInt64, UInt64)] = []
  private var values: [UInt32] = []
  private(set) var count = 0

  /// Marks a free place; no value.
  private static let free = UInt32.max

  subscript(digest: Digest) -> UInt32? {
    guard count > 0 else { return nil }
    let key = Self.key(digest)
    let value = values[place(of: key)]
    return value == Self.free ? nil : value
  }

  /// Sets the number of a digest, below 2^32 - 1.
  mutating func set(_ digest: Digest, _ value: UInt32) {
    if (count + 1) * 10 > values.count * 6 { grow() }
    let key = Self.key(digest)
    let index = place(of: key)
    if values[index] == Self.free { count += 1 }
    keys[index] = key
    values[index] = value
  }

  private static func key(_ digest: Digest) -> (UInt64, UInt64) {
    digest.withUnsafeBytes { ($0.load(as: UInt64.self), $0.load(fromByteOffset: 8, as: UInt64.self)) }
  }

  private func place(of key: (UInt64, UInt64)) -> Int {
    let mask = values.count - 1
    var index = Int(truncatingIfNeeded: key.0) & mask
    while values[index] != Self.free && keys[index] != key { index = (index + 1) & mask }
    return index
  }

  private mutating func grow() {
    let (oldKeys, oldValues) = (keys, values)
    let capacity = max(64, values.count * 2)
    keys = Array(repeating: (0, 0), count: capacity)
    values = Array(repeating: Self.free, count: capacity)
    for (key, value) in zip(oldKeys, oldValues) where value != Self.free {
      let index = place(of: key)
      keys[index] = key
      values[index] = value
    }
  }
}
