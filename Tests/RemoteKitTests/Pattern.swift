// SPDX-License-Identifier: Apache-2.0

import Foundation
import Wire

/// Bytes that repeat in no packet's size, so that a lost or doubled one shows.
enum Pattern {
  static let unit = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 9) }

  /// Writes `units` MiB to an echo and reads them back meanwhile, so many bytes at a time; returns how many bytes came back as they were sent, or
  /// -1 where one differs.
  static func echo(_ units: Int, reads: Int = 60_000, through stream: any ByteStream) async throws -> Int {
    async let received = { () -> Int in
      var offset = 0
      while let more = try await stream.read(upTo: reads) {
        let start = offset % unit.count
        let head = min(more.count, unit.count - start)
        let same = more.withUnsafeBytes { more in
          unit.withUnsafeBytes { unit in
            memcmp(more.baseAddress!, unit.baseAddress! + start, head) == 0
              && memcmp(more.baseAddress! + head, unit.baseAddress!, more.count - head) == 0
          }
        }
        guard same else { return -1 }
        offset += more.count
      }
      return offset
    }()
    for _ in 0..<units { try await stream.write(unit) }
    try await stream.finishWriting()
    return try await received
  }
}
