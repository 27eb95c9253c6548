// SPDX-License-Identifier: Apache-2.0

/// The cipher Blowfish, as far as ``BcryptKDF`` needs it. It encrypts nothing of ours.
struct Blowfish: ~Copyable {
  // 18 subkeys, and after them the four boxes of 256 words: raw memory, for the key schedule is run some thousand times.
  private let words: UnsafeMutablePointer<UInt32>
  private static let count = 18 + 4 * 256

  init() {
    words = .allocate(capacity: Self.count)
    words.initialize(from: BlowfishTable.words, count: Self.count)
  }

  deinit {
    // Made of the passphrase.
    words.update(repeating: 0, count: Self.count)
    words.deallocate()
  }

  /// Mixes `key` into the state, and `salt` (eight bytes' multiple, or nothing) into what is encrypted meanwhile.
  func expand(key: [UInt32], salt: [UInt32]) {
    key.withUnsafeBufferPointer { key in
      for index in 0..<18 { words[index] ^= key[index % key.count] }
    }
    var (left, right): (UInt32, UInt32) = (0, 0)
    var position = 0
    salt.withUnsafeBufferPointer { salt in
      for index in stride(from: 0, to: Self.count, by: 2) {
        if !salt.isEmpty {
          left ^= salt[position]
          right ^= salt[position + 1]
          position = (position + 2) % salt.count
        }
        encrypt(&left, &right)
        words[index] = left
        words[index + 1] = right
      }
    }
  }

  @inline(__always)
  func encrypt(_ left: inout UInt32, _ right: inout UInt32) {
    let boxes = words + 18
    var (first, second) = (left ^ words[0], right)
    var round = 1
    while round < 17 {
      second ^= Self.mix(boxes, first) ^ words[round]
      first ^= Self.mix(boxes, second) ^ words[round + 1]
      round += 2
    }
    (left, right) = (second ^ words[17], first)
  }

  @inline(__always)
  private static func mix(_ boxes: UnsafeMutablePointer<UInt32>, _ word: UInt32) -> UInt32 {
    let sum = boxes[Int(word >> 24)] &+ boxes[256 + Int(word >> 16 & 0xff)]
    return (sum ^ boxes[512 + Int(word >> 8 & 0xff)]) &+ boxes[768 + Int(word & 0xff)]
  }
}
