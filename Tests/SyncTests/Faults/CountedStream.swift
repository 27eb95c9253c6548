// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Wire

/// A relay that counts the bytes of both directions, and cuts the line once so many have passed.
final class CountedStream: ByteStream {
  private let inner: any ByteStream
  private let most: (sent: Int, received: Int)
  private let passed = Mutex((sent: 0, received: 0, isCut: false))

  struct Cut: Error {}

  init(_ inner: any ByteStream, sent: Int = .max, received: Int = .max) {
    self.inner = inner
    most = (sent, received)
  }

  var bytes: (sent: Int, received: Int) { passed.withLock { ($0.sent, $0.received) } }
  var isCut: Bool { passed.withLock { $0.isCut } }

  func read(upTo limit: Int) async throws -> [UInt8]? {
    let left = passed.withLock { most.received - $0.received }
    guard left > 0, !isCut else { return try await cut() }
    guard let bytes = try await inner.read(upTo: min(limit, left)) else { return nil }
    passed.withLock { $0.received += bytes.count }
    return bytes
  }

  func write(_ bytes: [UInt8]) async throws {
    let left = passed.withLock { most.sent - $0.sent }
    let part = min(left, bytes.count)
    if part > 0, !isCut {
      try await inner.write(Array(bytes[..<part]))
      passed.withLock { $0.sent += part }
    }
    if part < bytes.count || isCut { _ = try await cut() }
  }

  private func cut() async throws -> [UInt8]? {
    passed.withLock { $0.isCut = true }
    await inner.close()
    throw Cut()
  }

  func finishWriting() async throws { try await inner.finishWriting() }
  func close() async { await inner.close() }
}
