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
    /// A frame that has not come whole, and how much of its payload is missing. It outlives a read that was cancelled.
    private var frame = Frame(kind: 0)
    private var missing: Int?

    init(_ stream: any ByteStream) { self.stream = stream }

    func next() async throws -> Frame? {
      if missing == nil {
        guard try await readHeader() else { return nil }
      }
      // Past the buffer, so that bulk is copied once.
      while let count = missing, count > 0 {
        if start == buffer.count {
          guard let more = try await read() else { throw WireError(.truncated, "the stream ended inside a frame") }
          (buffer, start) = (more, 0)
        }
        let piece = buffer[start..<min(buffer.count, start + count)]
        frame.payload += piece
        start = piece.endIndex
        missing = count - piece.count
      }
      missing = nil
      defer { frame.payload = [] }
      return frame
    }

    /// Begins the next frame; false at a clean end of the stream.
    private func readHeader() async throws -> Bool {
      while buffer.count - start < 5 {
        guard let more = try await read() else {
          if start == buffer.count { return false }
          throw WireError(.truncated, "the stream ended inside a frame")
        }
        (buffer, start) = (Array(buffer[start...]) + more, 0)
      }
      var count = 0
      for offset in 0..<4 { count |= Int(buffer[start + offset]) << (8 * offset) }
      guard count >= 1 else { throw WireError(.malformed, "a frame without a kind") }
      guard count - 1 <= Frame.maximumPayload else {
        throw WireError(.tooLarge, "the peer announced a frame of \(count - 1) bytes")
      }
      frame.kind = buffer[start + 4]
      frame.payload.reserveCapacity(count - 1)
      missing = count - 1
      start += 5
      return true
    }

    private func read() async throws -> [UInt8]? {
      let more = try await stream.read(upTo: 256 << 10)
      if let more { received.add(more.count, ordering: .relaxed) }
      return more
    }
  }
}
