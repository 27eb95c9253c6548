// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Frames over a byte stream. One task at a time may receive; any number may send.
public final class FrameConnection: Sendable {
  private let stream: any ByteStream
  private let reader: Reader
  private let sent = Atomic<Int>(0)

  public init(_ stream: any ByteStream) {
    self.stream = stream
    reader = Reader(stream)
  }

  /// Bytes written so far, the frames' headers included, the transport's own not.
  public var bytesSent: Int { sent.load(ordering: .relaxed) }

  /// Bytes read so far, likewise.
  public var bytesReceived: Int { reader.received.load(ordering: .relaxed) }

  /// Sends one frame; suspends while the peer does not take it. Throws ``WireError/Code/tooLarge`` above
  /// ``Frame/maximumPayload``, and what the stream throws.
  public func send(_ frame: Frame) async throws { try await send([frame]) }

  /// Sends several frames in one write, so that they share packets.
  public func send(_ frames: [Frame]) async throws {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(frames.reduce(0) { $0 + $1.payload.count + 5 })
    for frame in frames {
      guard frame.payload.count <= Frame.maximumPayload else {
        throw WireError(.tooLarge, "a frame of \(frame.payload.count) bytes was to be sent")
      }
      let count = UInt32(frame.payload.count + 1)
      for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: count >> UInt32(shift))) }
      bytes.append(frame.kind)
      bytes.append(contentsOf: frame.payload)
    }
    try await stream.write(bytes)
    sent.add(bytes.count, ordering: .relaxed)
  }

  /// The next frame, or `nil` when the peer has finished. Throws ``WireError`` with `truncated` when the stream ends
  /// inside a frame and `tooLarge` before it allocates for an announced length above the cap.
  public func receive() async throws -> Frame? { try await reader.next() }

  public func finishSending() async throws { try await stream.finishWriting() }

  public func close() async { await stream.close() }

  private actor Reader {
    nonisolated let received = Atomic<Int>(0)
    private let stream: any ByteStream
    private var buffer: [UInt8] = []
    private var start = 0

    init(_ stream: any ByteStream) { self.stream = stream }

    func next() async throws -> Frame? {
      guard try await fill(5, atBoundary: true) else { return nil }
      var count = 0
      for offset in 0..<4 { count |= Int(buffer[start + offset]) << (8 * offset) }
      guard count >= 1 else { throw WireError(.malformed, "a frame without a kind") }
      guard count - 1 <= Frame.maximumPayload else {
        throw WireError(.tooLarge, "the peer announced a frame of \(count - 1) bytes")
      }
      let kind = buffer[start + 4]
      _ = try await fill(4 + count, atBoundary: false)
      let frame = Frame(kind: kind, payload: Array(buffer[(start + 5)..<(start + 4 + count)]))
      start += 4 + count
      if start == buffer.count {
        buffer.removeAll(keepingCapacity: buffer.capacity <= 2 * Frame.bulkPayload)
        start = 0
      }
      return frame
    }

    /// Makes `count` bytes available from `start`; false at a clean end of the stream.
    private func fill(_ count: Int, atBoundary: Bool) async throws -> Bool {
      while buffer.count - start < count {
        if start > 0 {
          buffer.removeFirst(start)
          start = 0
        }
        guard let more = try await stream.read(upTo: max(256 << 10, count - buffer.count)) else {
          if atBoundary && buffer.isEmpty { return false }
          throw WireError(.truncated, "the stream ended inside a frame")
        }
        received.add(more.count, ordering: .relaxed)
        buffer.append(contentsOf: more)
      }
      return true
    }
  }
}
