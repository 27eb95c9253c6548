// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import Wire

/// A stream of which the first bytes were read already.
final class PrefacedStream: ByteStream {
  private let preface: Mutex<[UInt8]>
  private let stream: any ByteStream

  init(preface: [UInt8], _ stream: any ByteStream) {
    self.preface = Mutex(preface)
    self.stream = stream
  }

  func read(upTo limit: Int) async throws -> [UInt8]? {
    let first = preface.withLock { bytes in
      let first = Array(bytes.prefix(max(1, limit)))
      bytes.removeFirst(first.count)
      return first
    }
    return first.isEmpty ? try await stream.read(upTo: limit) : first
  }

  func write(_ bytes: [UInt8]) async throws { try await stream.write(bytes) }

  func finishWriting() async throws { try await stream.finishWriting() }

  func close() async { await stream.close() }
}
