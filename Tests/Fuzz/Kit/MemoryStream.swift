// SPDX-License-Identifier: Apache-2.0

#if DEBUG
  import Synchronization
  import Wire

  /// A stream whose other side has said all that it will, and hears everything.
  final class MemoryStream: ByteStream {
    private struct State {
      var input: ArraySlice<UInt8>
      var output: [UInt8] = []
    }

    private let state: Mutex<State>
    private let portion: Int

    /// - Parameter portion: the most bytes that one read returns.
    init(_ input: [UInt8], portion: Int = .max) {
      state = Mutex(State(input: input[...]))
      self.portion = max(1, portion)
    }

    /// What was written.
    var output: [UInt8] { state.withLock { $0.output } }

    func read(upTo limit: Int) async throws -> [UInt8]? {
      state.withLock { state in
        guard !state.input.isEmpty else { return nil }
        let bytes = Array(state.input.prefix(min(limit, portion)))
        state.input = state.input.dropFirst(bytes.count)
        return bytes
      }
    }

    func write(_ bytes: [UInt8]) async throws { state.withLock { $0.output += bytes } }

    func finishWriting() async throws {}

    func close() async {}

    /// Frames as they are on the wire.
    static func bytes(_ frames: [Frame]) throws -> [UInt8] {
      try Expect.blocking {
        let stream = MemoryStream([])
        try await FrameConnection(stream).send(frames)
        return stream.output
      }
    }
  }
#endif
