// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The agent's side of `sync.push`.
struct PushService {
  private let parameters: PushParameters
  private let connection: FrameConnection
  /// Whether credit was given, so that the client may be in the middle of sending.
  private var isGranted = false
  private var turn: Turn?

  init(_ parameters: PushParameters, _ connection: FrameConnection) {
    self.parameters = parameters
    self.connection = connection
  }

  /// Serves one push. Whatever it throws as a `ServiceFailure`, the client's turn was read to its end before.
  mutating func run() async throws -> PushAnswer {
    do {
      return try await serve()
    } catch {
      let failure = Refusal.failure(from: error, workspace: parameters.workspace)
      guard failure is ServiceFailure else { throw failure }
      try await settleTurn()
      throw failure
    }
  }

  private mutating func serve() async throws -> PushAnswer {
    let parameters = parameters
    let standing = try await Threads.run { try Standing(parameters) }
    while true {
      turn = nil
      isGranted = false
      var frame = try await receive()
      if frame.kind == PushKind.turn {
        turn = try frame.readTurn()
        throw Self.abandoned
      }
      guard frame.kind == PushKind.attempt else { throw WireError(.malformed, "a push without an attempt") }
      let attempt = try Attempt(frame.payload)
      guard attempt.base == standing.digest else {
        try await tell(standing, base: attempt.base)
        continue
      }
      var operations: [Operation] = []
      frame = try await receive()
      while frame.kind == PushKind.operations {
        operations += try readOperations(frame.payload)
        frame = try await receive()
      }
      let asked = operations
      // The plan is made before the first content is taken, but a turn that came already must not be asked for again.
      if frame.kind == PushKind.turn { turn = try frame.readTurn() }
      if turn == .abandon { throw Self.abandoned }
      let plan = try await Threads.run { try standing.plan(asked, parameters) }
      guard plan.target.digest == attempt.target else {
        throw Refusal.digestMismatch.failure("the operations lead to another tree than was announced")
      }
      if parameters.dryRun { return try await rehearse(plan) }
      return try await apply(plan, standing, frame)
    }
  }

  private mutating func rehearse(_ plan: ApplyPlan) async throws -> PushAnswer {
    try await settleTurn()
    return PushAnswer(
      treeDigest: plan.target.digest, savedAside: plan.savedAside.map(\.description),
      leftBehind: plan.leftBehind.sorted().map(\.description))
  }

  private mutating func apply(_ plan: ApplyPlan, _ standing: Standing, _ first: Frame) async throws -> PushAnswer {
    guard let workspace = standing.workspace else { throw Refusal.notOurs.failure("there is no workspace") }
    if plan.operations.isEmpty {
      try await settleTurn()
      if standing.scan.filesHashed > 0 { try await Threads.run { try workspace.record(standing.scan.stamped) } }
      return PushAnswer(treeDigest: plan.target.digest)
    }
    let staging = try await Threads.run { try Staging(workspace, contents: plan.needed) }
    if turn == nil || turn == .waiting {
      isGranted = true
      try await connection.send(.credit(PushKind.window))
    }
    if turn == .waiting { turn = nil }
    try await receiveContents(into: staging, first: first)
    try await Threads.run { try staging.expectComplete() }
    let (tree, saved) = try await Threads.run { try Application(workspace, plan, staging).run() }
    return PushAnswer(
      treeDigest: tree.tree.digest, savedAside: saved, leftBehind: plan.leftBehind.sorted().map(\.description))
  }

  private mutating func receiveContents(into staging: Staging, first: Frame) async throws {
    var consumed = 0
    var frame = first
    while true {
      switch frame.kind {
      case PushKind.contents:
        let payload = frame.payload
        try await Threads.run { try staging.receive(payload) }
        consumed += payload.count
        if consumed >= PushKind.window / 4 {
          try await connection.send(.credit(consumed))
          consumed = 0
        }
      case PushKind.turn:
        switch try frame.readTurn() {
        case .done:
          turn = .done
          return
        case .waiting: break
        case .abandon:
          turn = .abandon
          throw Self.abandoned
        }
      default: throw WireError(.malformed, "a frame of kind \(frame.kind) in a push")
      }
      frame = try await receive()
    }
  }

  private static let abandoned = Refusal.abandoned.failure("the client gave the push up; nothing was changed")

  private func receive() async throws -> Frame {
    guard let frame = try await connection.receive() else {
      throw WireError(.truncated, "the client ended in the middle of a push")
    }
    return frame
  }

  /// Reads on until the client waits for us: in the middle of contents for which it has credit it must be told first.
  private mutating func settleTurn() async throws {
    if turn == .done || turn == .abandon || turn == .waiting && !isGranted { return }
    if isGranted { try await connection.send(Frame(kind: PushKind.stop)) }
    while true {
      let frame = try await receive()
      guard frame.kind == PushKind.turn else { continue }
      turn = try frame.readTurn()
      if turn != .waiting || !isGranted { return }
    }
  }

  /// Tells the client what stands here instead of the base that it named.
  private mutating func tell(_ standing: Standing, base: Digest) async throws {
    try await settleTurn()
    if turn == .abandon { throw Self.abandoned }
    let isFromBase = base == standing.recordedDigest
    let from = isFromBase ? standing.recorded.tree : .empty
    let operations = from.operations(to: standing.scan.tree)
    for batch in OperationWriter(operations).batches {
      try await connection.send(Frame(kind: PushKind.differs, payload: batch))
    }
    try await connection.send(DiffersEnd(isFromBase: isFromBase, tree: standing.digest).frame)
  }
}

/// What a push finds on the host.
private struct Standing: Sendable {
  /// `nil` in a rehearsal where nothing was pushed yet.
  let workspace: AgentWorkspace?
  let recorded: StampedTree
  let scan: ManagedScan
  let digest: Digest
  let recordedDigest: Digest

  /// Opens the workspace, takes the lease and scans. Blocks.
  init(_ parameters: PushParameters) throws {
    // A rehearsal makes nothing, so it looks before it opens.
    if try parameters.dryRun && Disk.stamp(AT_FDCWD, Array(parameters.workspace.utf8)) == nil {
      workspace = nil
      recorded = .empty
      scan = .empty
      digest = Tree.empty.digest
      recordedDigest = digest
      return
    }
    let opened = try AgentWorkspace(
      parameters.workspace, project: parameters.project, owner: parameters.owner, adopt: parameters.adopt,
      wait: parameters.wait)
    workspace = opened
    recorded = opened.recorded()
    scan = try ManagedScan(opened.root, recorded: recorded)
    digest = scan.tree.digest
    recordedDigest = scan.edited.isEmpty && scan.tree == recorded.tree ? digest : recorded.tree.digest
  }

  func plan(_ operations: [Operation], _ parameters: PushParameters) throws -> ApplyPlan {
    try ApplyPlan(
      operations, before: scan, recorded: recorded.tree, root: workspace?.root, adopt: parameters.adopt,
      allowMassDelete: parameters.allowMassDelete)
  }
}
