// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import Vocabulary
internal import Wire

/// The client's side of one attempt: the steps, then contents as far as its credit goes.
struct Sender {
  enum End {
    case result(Frame)
    /// The host has another tree: what leads to it, from the base or from nothing.
    case differs(Spool, DiffersEnd)
  }

  let connection: FrameConnection
  let plan: PushPlan
  private let source: PackSource
  private let isBulk: Bool
  let scratch: Int32
  let progress: @Sendable (PushProgress) -> Void
  /// Opens further channels; `nil`: all goes over this one.
  let open: BulkSender.Opening?
  let workspace: String
  /// Content bytes sent.
  private(set) var sent: UInt64 = 0
  /// Bytes on the wire of further channels.
  private(set) var bulkBytes = 0
  private(set) var roundTrips = 0
  private var credit = PushKind.initialCredit
  /// Whether the agent has agreed to the attempt.
  private var hasHeard = false
  /// Frames that wait for those that share packets with them.
  private var waiting: [Frame] = []
  private var waitingBytes = 0

  private static let writeSize = 256 << 10

  init(
    connection: FrameConnection, plan: PushPlan, scratch: Int32, workspace: String,
    open: BulkSender.Opening?, progress: @escaping @Sendable (PushProgress) -> Void
  ) {
    self.connection = connection
    self.workspace = workspace
    self.open = open
    self.plan = plan
    isBulk = open != nil && plan.dividedBytes >= BulkSender.least
    source = PackSource(plan, isBulk: isBulk)
    self.scratch = scratch
    self.progress = progress
  }

  /// - Parameters:
  ///   - opening: what is said first.
  ///   - isDry: whether contents are left out.
  mutating func send(_ opening: [Frame], isDry: Bool) async throws -> End {
    for frame in opening { try await send(frame) }
    do {
      try await sendSteps()
      if !isDry, let end = try await sendContents() { return end }
    } catch  where !(error is WireError) && !(error is CancellationError) {
      // A file changed, or a further channel's agent refused: the one that waits here is told.
      try await send(.turn(.abandon))
      try await flush()
      _ = try await ending()
      throw error
    }
    try await send(.turn(.done))
    try await flush()
    roundTrips += 1
    return try await ending()
  }

  private mutating func sendSteps() async throws {
    var cursor = plan.operations.cursor()
    while let batch = try cursor.nextBatch() { try await send(Frame(kind: PushKind.operations, payload: batch)) }
    for recipe in plan.recipes {
      let plan = plan
      let frames = try await Threads.run { recipe.frames(try plan.chunks(of: recipe)) }
      for frame in frames { try await send(Frame(kind: PushKind.recipe, payload: frame)) }
    }
  }

  /// `nil` when all was sent.
  private mutating func sendContents() async throws -> End? {
    let source = source
    if let end = try await sendPacks({ try await source.next() }) { return end }
    return isBulk ? try await sendBulk() : nil
  }

  /// Sends packs over this channel, as far as there is credit; `nil` when all were sent.
  private mutating func sendPacks(
    _ next: @escaping @Sendable () async throws -> (payload: [UInt8], bytes: Int)?
  ) async throws -> End? {
    var pack = try await next()
    while let current = pack {
      // What the agent cannot take yet waits here, and so nothing piles up on either side.
      while credit <= 0 {
        if let end = try await waitForCredit() { return end }
      }
      async let following = next()
      credit -= current.payload.count
      try await send(Frame(kind: PushKind.contents, payload: current.payload))
      sent += UInt64(current.bytes)
      progress(PushProgress(sent: ByteCount(sent), total: ByteCount(plan.contentBytes)))
      pack = try await following
    }
    return nil
  }

  /// Sends what is big over further channels; `nil` when all was sent.
  private mutating func sendBulk() async throws -> End? {
    guard let open else { return nil }
    // The agent must have agreed, and made the files into which the others write.
    if !hasHeard, let end = try await waitForCredit() { return end }
    let total = ByteCount(plan.contentBytes)
    let (before, progress) = (sent, progress)
    let done = Counter()
    let packs = BulkReader(plan, source.held)
    let bulk = BulkSender(workspace: workspace, reader: packs, open: open) { bytes in
      progress(PushProgress(sent: ByteCount(before + UInt64(done.add(bytes))), total: total))
    }
    if let bytes = try await bulk.run() {
      bulkBytes = bytes
      sent += UInt64(done.value)
      return nil
    }
    let here = BulkReader.Packs(packs)
    return try await sendPacks { try await here.next() }
  }

  private final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }
    func add(_ bytes: Int) -> Int { count.add(bytes, ordering: .relaxed).newValue }
  }

  private mutating func send(_ frame: Frame) async throws {
    waiting.append(frame)
    waitingBytes += frame.payload.count
    if waitingBytes >= Self.writeSize { try await flush() }
  }

  private mutating func flush() async throws {
    guard !waiting.isEmpty else { return }
    let frames = waiting
    waiting = []
    waitingBytes = 0
    try await connection.send(frames)
  }

  /// Lets the agent speak; `nil` once it gave more credit.
  private mutating func waitForCredit() async throws -> End? {
    try await send(.turn(.waiting))
    try await flush()
    roundTrips += 1
    while true {
      let frame = try await receive()
      switch frame.kind {
      case PushKind.held: try source.decodeHeld(frame.payload)
      case PushKind.credit:
        try add(frame)
        hasHeard = true
        return nil
      case PushKind.stop:
        try await send(.turn(.done))
        try await flush()
        return try await ending()
      default: return try await ending(frame)
      }
    }
  }

  private mutating func add(_ frame: Frame) throws {
    var decoder = MessageDecoder(frame.payload)
    let more = try decoder.readUInt()
    guard more <= UInt64(UInt32.max) else { throw WireError(.malformed, "a credit of \(more) bytes") }
    credit += Int(more)
  }

  private func receive() async throws -> Frame {
    guard let frame = try await connection.receive() else {
      throw WireError(.truncated, "the agent ended in the middle of a push")
    }
    return frame
  }

  /// What ends the attempt, after credit that came too late to matter.
  private func ending(_ first: Frame? = nil) async throws -> End {
    let told = Spool(scratch)
    var frame: Frame
    if let first { frame = first } else { frame = try await receive() }
    while true {
      switch frame.kind {
      case PushKind.credit, PushKind.stop, PushKind.held: break
      case PushKind.differs:
        guard told.bytes < Spool.most else { throw WireError(.tooLarge, "the agent's tree") }
        try told.append(frame.payload)
      case PushKind.differsEnd: return .differs(told, try DiffersEnd(frame.payload))
      case CallKind.result, CallKind.failure: return .result(frame)
      default: throw WireError(.malformed, "a frame of kind \(frame.kind) in a push")
      }
      frame = try await receive()
    }
  }
}
