// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Vocabulary

@testable import Sync

/// Where files are cut, and what stands for their content.
@Suite struct ChunkTests {
  /// Bytes that every run of the tests makes the same: SplitMix64.
  static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed
    let words = (count + 7) / 8
    let bytes = [UInt8](unsafeUninitializedCapacity: words * 8) { buffer, filled in
      for index in 0..<words {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        word ^= word >> 31
        UnsafeMutableRawBufferPointer(buffer).storeBytes(
          of: word.littleEndian, toByteOffset: index * 8, as: UInt64.self)
      }
      filled = words * 8
    }
    return Array(bytes[..<count])
  }

  private func cuts(_ bytes: [UInt8], _ chunking: FastCDC) -> [(length: Int, fingerprint: UInt64)] {
    bytes.withUnsafeBytes { buffer in
      var cuts: [(Int, UInt64)] = []
      var start = 0
      while start < buffer.count {
        let (length, fingerprint) = chunking.cut(UnsafeRawBufferPointer(rebasing: buffer[start...]))
        cuts.append((length, fingerprint))
        start += length
      }
      return cuts
    }
  }

  /// The figures were taken when the cuts and fingerprints were those that the Bazel Remote Execution API publishes for
  /// its own test image.
  @Test func theChunkingIsThePublishedOne() {
    let small = cuts(Self.bytes(300_000, seed: 1), FastCDC(minimum: 4096, average: 16384, maximum: 65535))
    #expect(
      small.map(\.length) == [
        16594, 11534, 16852, 17194, 19591, 26473, 7440, 16946, 19436, 20507, 8036, 17012, 29972, 19946, 17264, 13958,
        17056, 4189,
      ])
    #expect(small.first?.fingerprint == 10_835_106_626_370_892_444)
    let standard = cuts(Self.bytes(600_000, seed: 2), .standard)
    #expect(standard.map(\.length) == [67327, 40881, 69625, 85589, 70177, 98312, 74608, 93481])
    #expect(standard.last?.fingerprint == 621_324_279_447_217_138)
  }

  @Test func anInsertionMovesNoCutButThoseBesideIt() {
    let before = Self.bytes(4 << 20, seed: 3)
    let lengths = cuts(before, .standard).map(\.length)
    let after = cuts([0x2a] + before, .standard).map(\.length)
    #expect(after.suffix(lengths.count - 2) == lengths.suffix(lengths.count - 2))
  }

  @Test func aListOfChunksIsReadAsItWasWritten() throws {
    var list = ChunkList()
    let chunk = ChunkList.Chunk(digest: .sha256(of: "x"), length: 70_000)
    list.chunks = [chunk, chunk, chunk, ChunkList.Chunk(digest: .sha256(of: "y"), length: 1)]
    #expect(try ChunkList(encoded: list.encoded, limit: list.size) == list)
    #expect(list.encoded.count < 100)
    #expect(list.size == 210_001)
  }
}
