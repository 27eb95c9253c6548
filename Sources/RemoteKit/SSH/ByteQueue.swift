// SPDX-License-Identifier: Apache-2.0

/// Bytes that go in at one end and out at the other, without moving the rest each time.
struct ByteQueue {
  private var storage: [UInt8] = []
  private var start = 0

  var count: Int { storage.count - start }
  var isEmpty: Bool { count == 0 }

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    if start > 1 << 20 || start == storage.count {
      storage.removeFirst(start)
      start = 0
    }
    storage.append(contentsOf: bytes)
  }

  /// Copies up to `target.count` bytes out and returns how many.
  mutating func take(into target: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(target.count, self.count)
    guard count > 0, let destination = target.baseAddress else { return 0 }
    storage.withUnsafeBytes {
      destination.copyMemory(from: $0.baseAddress! + start, byteCount: count)
    }
    drop(count)
    return count
  }

  mutating func drop(_ count: Int) {
    start += count
    if start == storage.count {
      storage.removeAll(keepingCapacity: storage.capacity <= 4 << 20)
      start = 0
    }
  }

  func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try storage.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[start...])) }
  }
}
