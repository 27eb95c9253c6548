// SPDX-License-Identifier: Apache-2.0

internal import Crypto

/// Content-defined chunking: where a file is cut depends on the bytes around the cut alone, so that an insertion moves
/// no cut but those beside it.
///
/// FastCDC of 2020 (Xia et al., "The Design of Fast Data Deduplication with Content Defined Chunking", IEEE TPDS
/// 31(9)): the Gear hash two bytes a step, normalised chunking. Table, masks and levels are those that the Bazel Remote
/// Execution API fixes (`FastCdc2020Params`).
struct FastCDC: Sendable {
  let minimum: Int
  let average: Int
  let maximum: Int
  /// For the bytes before the average, where a cut is to be rare, and after it.
  private let maskBefore: UInt64
  private let maskAfter: UInt64

  /// 16, 64 and 256 KiB.
  static let standard = FastCDC(minimum: 16 << 10, average: 64 << 10, maximum: 256 << 10)

  /// - Parameters:
  ///   - average: bytes, a power of two from 256 to 4 Mi.
  ///   - normalization: how many bits the masks differ from the average's own.
  init(minimum: Int, average: Int, maximum: Int, normalization: Int = 2) {
    self.minimum = minimum
    self.average = average
    self.maximum = maximum
    let bits = average.trailingZeroBitCount
    maskBefore = Self.masks[bits + normalization]
    maskAfter = Self.masks[bits - normalization]
  }

  /// The length of the first chunk of `bytes`, and the fingerprint at its end (0 where there is no choice). What is
  /// given must reach to the file's end, or hold ``maximum`` bytes.
  func cut(_ bytes: UnsafeRawBufferPointer) -> (length: Int, fingerprint: UInt64) {
    guard bytes.count > minimum, let base = bytes.baseAddress else { return (bytes.count, 0) }
    let limit = min(bytes.count, maximum)
    let centre = min(limit, average)
    let gear = Self.gear
    let shifted = Self.gear + 256
    var hash: UInt64 = 0
    var index = minimum / 2
    for (end, mask) in [(centre / 2, maskBefore), (limit / 2, maskAfter)] {
      let shiftedMask = mask &<< 1
      while index < end {
        let at = index &* 2
        hash = (hash &<< 2) &+ shifted[Int(base.load(fromByteOffset: at, as: UInt8.self))]
        if hash & shiftedMask == 0 { return (at, hash) }
        hash = hash &+ gear[Int(base.load(fromByteOffset: at &+ 1, as: UInt8.self))]
        if hash & mask == 0 { return (at &+ 1, hash) }
        index &+= 1
      }
    }
    return (limit, hash)
  }

  /// 256 words, each the upper half of the MD5 of its index as a byte, 64 times; then the same shifted by one bit.
  nonisolated(unsafe) private static let gear: UnsafePointer<UInt64> = {
    // `nonisolated(unsafe)`: filled once, before anyone sees it, and never freed.
    let table = UnsafeMutablePointer<UInt64>.allocate(capacity: 512)
    for value in 0..<256 {
      let digest = Array(Insecure.MD5.hash(data: [UInt8](repeating: UInt8(value), count: 64)))
      table[value] = digest[..<8].reduce(0) { $0 << 8 | UInt64($1) }
      table[value + 256] = table[value] << 1
    }
    return UnsafePointer(table)
  }()

  /// By the count of the bits that decide.
  private static let masks: [UInt64] = [
    0, 0, 0, 0, 0, 0x0000_0000_0180_4110, 0x0000_0000_0180_3110, 0x0000_0000_1803_5100, 0x0000_0018_0003_5300,
    0x0000_0190_0035_3000, 0x0000_5900_0353_0000, 0x0000_d900_0353_0000, 0x0000_d901_0353_0000, 0x0000_d903_0353_0000,
    0x0000_d903_1353_0000, 0x0000_d90f_0353_0000, 0x0000_d903_0353_7000, 0x0000_d907_0353_7000, 0x0000_d907_0753_7000,
    0x0000_d917_0753_7000, 0x0000_d917_4753_7000, 0x0000_d917_6753_7000, 0x0000_d937_6753_7000, 0x0000_d937_7753_7000,
    0x0000_d937_7757_7000, 0x0000_db37_7757_7000,
  ]
}
