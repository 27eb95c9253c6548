// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

/// The agent's side of `sync.push`.
struct PushService {
  private let parameters: PushParameters
  private let connection: FrameConnection
  /// Whether credit was given, so that the client may be in the middle of sending.
  private var isGranted = false
  private var turn: Turn?
  /// What was staged, until it is known whether a later push may go on from it.
  private var staging: Staging?
  private var journal: Journal?
  private var workspace: AgentWorkspace?

  init(_ parameters: PushParameters, _ connection: FrameConnection) {
    self.parameters = parameters
    self.connection = connection
  }

  /// Serves one push. Whatever it throws as a `ServiceFailure`, the client's turn was read to its end before.
  mutating func run() async throws -> PushAnswer {
    // The thread that worked last may still hold the workspace when the client has its answer.
    defer { workspace?.release() }
    do {
      return try await serve()
    } catch {
      let isCommitted = journal?.isCommitted ?? false
      let failure = Refusal.failure(from: error, workspace: parameters.workspace, isCommitted: isCommitted)
      guard failure is ServiceFailure else { throw failure }
      // What broke off goes on later, and so does what was committed; what was refused does not.
      if !isCommitted {
        staging?.remove()
        journal?.discard()
      }
      try await settleTurn()
      throw failure
    }
  }

  private mutating func serve() async throws -> PushAnswer {
    let parameters = parameters
    let standing = try await Threads.run { try Standing(parameters) }
    workspace = standing.workspace
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
      let steps = Spool(standing.scratch.descriptor)
      frame = try await receive()
      while frame.kind == PushKind.operations {
        guard steps.bytes < Spool.most else { throw WireError(.tooLarge, "a push of \(steps.bytes) bytes of steps") }
        try steps.append(frame.payload)
        frame = try await receive()
      }
      var recipes = Recipes()
      while frame.kind == PushKind.recipe {
        try recipes.take(frame.payload, standing)
        frame = try await receive()
      }
      // The plan is made before the first content is taken, but a turn that came already must not be asked for again.
      if frame.kind == PushKind.turn { turn = try frame.readTurn() }
      if turn == .abandon { throw Self.abandoned }
      return try await carryOut(attempt, steps, recipes.readers, standing, frame)
    }
  }

  /// The recipes of an attempt. A few bytes may stand for very many chunks, so these are counted over all of them, and
  /// the list of a source is held once.
  private struct Recipes {
    private(set) var readers: [UInt64: RecipeReader] = [:]
    private var chunks = 0
    private var lists: [Content: ChunkList] = [:]

    private static let most = 1 << 20

    mutating func take(_ payload: [UInt8], _ standing: Standing) throws {
      var decoder = MessageDecoder(payload)
      let ordinal = try decoder.readUInt()
      guard readers.count < Self.most else { throw WireError(.tooLarge, "a push of too many recipes") }
      var lists = lists
      chunks += try readers[ordinal, default: RecipeReader(ordinal: ordinal, limit: UInt64(Int64.max))].take(
        &decoder, most: ChunkList.most - chunks
      ) { source in
        if let list = lists[source.content] { return list }
        let list = try standing.list(of: source)
        lists[source.content] = list
        return list
      }
      self.lists = lists
    }
  }

  private mutating func carryOut(
    _ attempt: Attempt, _ steps: Spool, _ recipes: [UInt64: RecipeReader], _ standing: Standing, _ first: Frame
  ) async throws -> PushAnswer {
    let parameters = parameters
    guard let workspace = standing.workspace, !parameters.dryRun else {
      let plan = try await Threads.run {
        try standing.plan(steps, SnapshotWriter(standing.scratch.descriptor, nil, path: "a tree"), parameters)
      }
      try Self.check(plan, attempt)
      try await settleTurn()
      return PushAnswer(
        treeDigest: plan.target.digest, savedAside: plan.savedAside.map(\.description),
        leftBehind: plan.leftBehind.map(\.description))
    }
    guard steps.bytes > 0 else {
      guard attempt.target == standing.digest else { throw Self.leadsElsewhere }
      try await settleTurn()
      if standing.scan.filesHashed > 0 { try await Threads.run { try workspace.record(standing.scan.snapshot) } }
      return PushAnswer(treeDigest: standing.digest)
    }
    let (journal, plan) = try await Threads.run {
      let journal = try Journal(workspace)
      return (journal, try standing.plan(steps, journal.targetWriter(), parameters))
    }
    self.journal = journal
    try Self.check(plan, attempt)
    let staging = try await Threads.run { try Staging(workspace) }
    self.staging = staging
    let receiver = try await Threads.run {
      // Before the client hears of it: other agents that take chunks read the lists.
      for recipe in recipes.values { try standing.chunks?.save(recipe.chunks) }
      return try ContentReceiver(plan, recipes, staging, workspace.root)
    }
    if turn == nil || turn == .waiting {
      isGranted = true
      let held = receiver.held.encoded.map { Frame(kind: PushKind.held, payload: $0) }
      try await connection.send(held + [.credit(PushKind.window)])
    }
    if turn == .waiting { turn = nil }
    try await receiveContents(into: receiver, first: first)
    try await Threads.run { try receiver.expectComplete() }
    let isFromManaged = standing.scan.snapshot === standing.recorded
    let (list, saved) = try await Threads.run {
      try Application(workspace, plan, staging).run(journal, isFromManaged: isFromManaged)
    }
    return PushAnswer(
      treeDigest: list.digest, savedAside: saved, leftBehind: plan.leftBehind.map(\.description))
  }

  private static func check(_ plan: ApplyPlan, _ attempt: Attempt) throws {
    guard plan.target.digest == attempt.target else { throw leadsElsewhere }
  }

  private static let leadsElsewhere = Refusal.digestMismatch.failure(
    "the operations lead to another tree than was announced")

  private mutating func receiveContents(into receiver: ContentReceiver, first: Frame) async throws {
    var consumed = 0
    var frame = first
    while true {
      switch frame.kind {
      case PushKind.contents:
        let payload = frame.payload
        try await Threads.run { try receiver.receive(payload) }
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
    let isFromBase = base == standing.recorded.digest
    let steps = try await Threads.run {
      try Difference(
        from: isFromBase ? standing.recorded : .empty, to: standing.scan.snapshot, scratch: standing.scratch.descriptor,
        stands: { _ in false }
      ).steps
    }
    var cursor = steps.cursor()
    while let batch = try cursor.nextBatch() {
      try await connection.send(Frame(kind: PushKind.differs, payload: batch))
    }
    try await connection.send(DiffersEnd(isFromBase: isFromBase, tree: standing.digest).frame)
  }
}

extension Standing {
  fileprivate func plan(
    _ steps: Spool, _ writer: SnapshotWriter, _ parameters: PushParameters
  ) throws -> ApplyPlan {
    let folding = try workspace.map { try NameFolding(of: $0.state) } ?? NameFolding()
    var planner = ApplyPlanner(
      scan.snapshot, steps, root: workspace?.root, adopt: parameters.adopt, folding: folding)
    return try planner.plan(writer, allowMassDelete: parameters.allowMassDelete)
  }

  /// The chunks of a file that stands here; read again where their list is lost.
  fileprivate func list(of source: Recipe.Source) throws -> ChunkList {
    if let list = chunks?.load(source.content) { return list }
    guard let root = workspace?.root, let list = try? ManagedScan.content(root, source.path).chunks,
      list.digest == source.content.digest
    else {
      throw Refusal.treeChanged.failure(
        "\(source.path) changed on the host during the push. Nothing was changed; run the same command again",
        details: ["paths": [source.path.description]])
    }
    return list
  }
}
