// SPDX-License-Identifier: Apache-2.0

#if DEBUG
  import Wire

  /// The frames that every service shares.
  enum FrameProbes {
    static let all = [
      Probe(name: "frames", check: frames, seeds: { try frameSeeds().map { [7] + $0 } }),
      Probe(name: "calls", check: calls, seeds: { try frameSeeds().map { [255] + $0 } }),
    ]

    private static func frameSeeds() throws -> [[UInt8]] {
      let hello = Hello(version: "1", machine: "x86_64", home: "/root", clock: 1.5)
      return [
        try MemoryStream.bytes([
          try FrameConnection.call("echo", ["a": "b"]), try FrameConnection.call("refuse", Nothing()),
          try FrameConnection.call("nothing", Nothing()),
        ]),
        try MemoryStream.bytes([
          Frame(kind: CallKind.hello, payload: try FrameConnection.json(hello)), Frame(kind: 16, payload: [1, 2, 3]),
          Frame(
            kind: CallKind.failure, payload: try FrameConnection.json(ServiceFailure("io", "x", details: ["a": ["b"]]))),
        ]),
      ]
    }

    private static func frames(_ bytes: [UInt8]) throws {
      let input = Array(bytes.dropFirst())
      let (frames, isWhole) = try Expect.blocking {
        let connection = FrameConnection(MemoryStream(input, portion: Int(bytes.first ?? 0)))
        var frames: [Frame] = []
        do {
          while let frame = try await connection.receive() { frames.append(frame) }
          return (frames, true)
        } catch {
          try Expect.refusal(error)
          return (frames, false)
        }
      }
      let again = try MemoryStream.bytes(frames)
      try Expect.that(
        isWhole ? again == input : input.starts(with: again) && again.count < input.count, "other frames after sending")
      for frame in frames {
        try Expect.that(frame.payload.count <= Frame.maximumPayload, "a frame over the cap")
        _ = try Expect.decoded { try FrameConnection.result(frame, as: Nothing.self) }
      }
    }

    /// An agent that serves something harmless.
    private static func calls(_ bytes: [UInt8]) throws {
      let output = try Expect.blocking {
        var table = ServiceTable()
        table.add("echo") { (parameters: [String: String], _) in parameters }
        table.add("refuse") { (_: Nothing, _) -> Nothing in throw ServiceFailure("no", "never") }
        let stream = MemoryStream(Array(bytes.dropFirst()), portion: Int(bytes.first ?? 0))
        let hello = Hello(version: "1", machine: "x86_64", home: "/", clock: 0)
        do { try await table.serve(FrameConnection(stream), hello: hello) } catch { try Expect.refusal(error) }
        return stream.output
      }
      // A client understands all that is answered.
      try Expect.blocking {
        let connection = FrameConnection(MemoryStream(output))
        _ = try await connection.receiveHello()
        while let frame = try await connection.receive() {
          do { _ = try FrameConnection.result(frame, as: [String: String].self) } catch is ServiceFailure {}
        }
      }
    }
  }
#endif
