// SPDX-License-Identifier: Apache-2.0

import Testing
import Vocabulary
import Wire

@Suite struct FrameConnectionTests {
  @Test func framesArriveAsTheyWereSent() async throws {
    let (left, right) = try DescriptorStream.pair()
    let (sender, receiver) = (FrameConnection(left), FrameConnection(right))
    let frames = (0..<50).map { Frame(kind: UInt8($0), payload: Array(repeating: UInt8($0), count: $0 * 10_007)) }
    async let sending: Void = {
      for frame in frames { try await sender.send(frame) }
      try await sender.finishSending()
    }()
    var received: [Frame] = []
    while let frame = try await receiver.receive() { received.append(frame) }
    try await sending
    #expect(received == frames)
    #expect(sender.bytesSent == receiver.bytesReceived)
    await sender.close()
    await receiver.close()
  }

  @Test func anAnnouncedLengthAboveTheCapIsRefusedBeforeItIsAllocated() async throws {
    let (left, right) = try DescriptorStream.pair()
    try await left.write([0xff, 0xff, 0xff, 0x7f, 1])
    let error = await #expect(throws: WireError.self) { try await FrameConnection(right).receive() }
    #expect(error?.code == .tooLarge)
    await left.close()
    await right.close()
  }

  @Test func aStreamThatEndsInsideAFrameIsTruncated() async throws {
    let (left, right) = try DescriptorStream.pair()
    try await left.write([9, 0, 0, 0, 1, 2])
    try await left.finishWriting()
    let error = await #expect(throws: WireError.self) { try await FrameConnection(right).receive() }
    #expect(error?.code == .truncated)
    await left.close()
    await right.close()
  }

  @Test func aReceiveThatWasCancelledInsideAFrameIsTakenUpAgain() async throws {
    let connection = FrameConnection(
      InterruptedStream(pieces: [[9, 0, 0], [0, 7, 1, 2, 3], nil, [4, 5, 6, 7, 8, 1], nil, [0, 0, 0, 6]]))
    await #expect(throws: CancellationError.self) { try await connection.receive() }
    #expect(try await connection.receive() == Frame(kind: 7, payload: Array(1...8)))
    await #expect(throws: CancellationError.self) { try await connection.receive() }
    #expect(try await connection.receive() == Frame(kind: 6))
    #expect(try await connection.receive() == nil)
  }

  @Test func closingWakesAReader() async throws {
    let (left, right) = try DescriptorStream.pair()
    let reading = Task { try await right.read(upTo: 10) }
    await right.close()
    await #expect(throws: WireError.self) { try await reading.value }
    await left.close()
  }

  @Test func callsReturnResultsAndFailures() async throws {
    let (left, right) = try DescriptorStream.pair()
    var table = ServiceTable()
    table.add("double") { (number: Int, _) in number * 2 }
    table.add("refuse") { (_: Nothing, _) -> Nothing in throw ServiceFailure("no", "never", details: ["why": ["so"]]) }
    let services = table
    let hello = Hello(version: "1", machine: "x86_64", home: "/root", clock: 0)
    async let served: Void = services.serve(FrameConnection(right), hello: hello)
    let client = FrameConnection(left)
    #expect(try await client.receiveHello() == hello)
    #expect(try await client.call("double", 21, returning: Int.self) == 42)
    let failure = await #expect(throws: ServiceFailure.self) {
      try await client.call("refuse", Nothing(), returning: Nothing.self)
    }
    #expect(failure?.details == ["why": ["so"]])
    let missing = await #expect(throws: ServiceFailure.self) {
      try await client.call("nonsense", Nothing(), returning: Nothing.self)
    }
    #expect(missing?.code == "no-such-service")
    try await client.finishSending()
    try await served
    await client.close()
    await right.close()
  }
}

@Suite struct MessageCodingTests {
  @Test(arguments: [0, 1, 127, 128, 300, UInt64(UInt32.max), UInt64.max])
  func unsignedIntegersComeBack(_ value: UInt64) throws {
    var encoder = MessageEncoder()
    encoder.write(value)
    var decoder = MessageDecoder(encoder.bytes)
    #expect(try decoder.readUInt() == value)
    try decoder.expectEnd()
  }

  @Test(arguments: [0, -1, 1, Int64.min, Int64.max])
  func signedIntegersComeBack(_ value: Int64) throws {
    var encoder = MessageEncoder()
    encoder.write(signed: value)
    var decoder = MessageDecoder(encoder.bytes)
    #expect(try decoder.readInt() == value)
  }

  @Test func aCountBeyondTheMessageIsRefused() {
    var encoder = MessageEncoder()
    encoder.write(UInt64.max)
    var decoder = MessageDecoder(encoder.bytes)
    #expect(throws: WireError.self) { try decoder.readBytes() }
  }
}

/// Reads come in these pieces, and are cancelled where there is none.
private actor InterruptedStream: ByteStream {
  private var pieces: [[UInt8]?]

  init(pieces: [[UInt8]?]) { self.pieces = pieces }

  func read(upTo limit: Int) async throws -> [UInt8]? {
    if pieces.isEmpty { return nil }
    guard let piece = pieces.removeFirst() else { throw CancellationError() }
    return piece
  }

  func write(_ bytes: [UInt8]) async throws {}

  func finishWriting() async throws {}

  func close() async {}
}
