// SPDX-License-Identifier: Apache-2.0

#if DEBUG
  import Vocabulary
  import Wire

  #if canImport(Glibc)
    import Glibc
  #else
    import Darwin
  #endif

  @testable import Sync

  /// An agent's whole push on a real workspace, with a client that says anything.
  ///
  /// An input: a byte of options; then frames, each a kind, two bytes of length, and the payload. Kind 0 makes an attempt
  /// whose digests are right for the operations that follow, since no mutation finds a SHA-256.
  enum PushProbe {
    static let probe = Probe(name: "push", check: check, seeds: seeds)

    private static func check(_ bytes: [UInt8]) throws {
      var pieces = Pieces(bytes)
      let options = pieces.byte()
      var frames: [Frame] = []
      while !pieces.isAtEnd { frames.append(Frame(kind: pieces.byte(), payload: pieces.piece())) }
      let box = try Box()
      try box.fill()
      try settle(&frames, box)
      let before = try box.listing()
      let parameters = PushParameters(
        workspace: box.workspace, project: "demo", owner: "mallory", adopt: options & 1 != 0,
        allowMassDelete: options & 2 == 0, wait: false, dryRun: options & 4 != 0)
      let input = try MemoryStream.bytes(frames)
      let answer: PushAnswer? = try Expect.blocking {
        var service = PushService(parameters, FrameConnection(MemoryStream(input)))
        do { return try await service.run() } catch {
          try Expect.refusal(error)
          return nil
        }
      }
      try box.expectNothingOutside()
      try Expect.that(try box.hostFiles() == 2, "a file of the host's own is gone")
      let after = try box.listing()
      guard let answer, !parameters.dryRun else {
        return try Expect.that(after == before, "a push that failed changed the tree: \(difference(before, after))")
      }
      try expectTold(answer, box)
    }

    /// What the agent acknowledged is what the next one finds.
    private static func expectTold(_ answer: PushAnswer, _ box: Box) throws {
      let workspace = try AgentWorkspace(box.workspace, project: "demo", owner: "fuzz", adopt: false, wait: true)
      let scratch = try Scratch()
      let scan = try workspace.scan(scratch.descriptor, chunks: nil).scan
      try scan.snapshot.visit { item in
        guard let content = item.entry.content else { return }
        let standing = try ManagedScan.content(workspace.root, item.entry.path).content
        try Expect.that(standing == content, "\(item.entry.path) holds something else than was acknowledged")
      }
      try Expect.that(scan.snapshot.digest == answer.treeDigest, "another tree stands there than was acknowledged")
    }

    private static func difference(_ before: [String: String], _ after: [String: String]) -> [String] {
      Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted()
    }

    /// Makes attempts of kind 0 right, and leaves out recipes of huge files: a list of chunks takes memory.
    private static func settle(_ frames: inout [Frame], _ box: Box) throws {
      let scratch = try Scratch()
      let root = HeldDirectory(try Disk.open(AT_FDCWD, Array(box.workspace.utf8), O_RDONLY | O_DIRECTORY, path: "box"))
      let state = try Disk.open(root.descriptor, TreePath.stateDirectory, O_RDONLY | O_DIRECTORY, path: "box")
      defer { close(state) }
      let recorded = Snapshot.load(state, Array("managed".utf8)) ?? .empty
      let base = try ManagedScan.take(root, recorded: recorded, scratch: scratch.descriptor, chunks: nil).snapshot
      frames.removeAll { frame in
        frame.kind == PushKind.recipe && (try? MessageProbes.read([frame.payload])) == nil
      }
      for index in frames.indices where frames[index].kind == 0 {
        let steps = Spool(scratch.descriptor)
        for frame in frames[(index + 1)...] {
          guard frame.kind == PushKind.operations else { break }
          try steps.append(frame.payload)
        }
        var planner = ApplyPlanner(base, steps, root: nil, adopt: true)
        let target = try Expect.decoded {
          try planner.plan(SnapshotWriter(scratch.descriptor, nil, path: "a tree"), allowMassDelete: true).target.digest
        }
        frames[index] = Attempt(base: base.digest, target: target ?? base.digest).frame
      }
    }

    // MARK: - Seeds

    private static func seeds() -> [[UInt8]] {
      let moved: [Sync.Operation] = [
        .put(Sample.directory("m"), .moved(1)), .moveAway(Sample.path("o"), 1), .forget(Sample.path("n")),
      ]
      let sent: [Sync.Operation] = [
        .delete(Sample.path("a")), .put(Sample.file("d/b", "x"), .sent), .put(Sample.file("d/m", "x"), .same),
        .put(Sample.file("edited", "two"), .copied(Sample.path("d/b"))), .put(Sample.link("d/deep", "../a"), .stays),
        .put(Sample.file("l1", "one"), .copied(Sample.path("a"))), .put(Sample.file("l2", "one", link: "l1"), .stays),
      ]
      let kept: [Sync.Operation] = [
        .put(Sample.file("d/b", "two", permissions: 0o600), .stays), .put(Sample.directory("o"), .stays),
        .put(Sample.directory("host"), .stays), .put(Sample.file("x", "x"), .sent),
      ]
      let file: [Sync.Operation] = [.moveAway(Sample.path("a"), 3), .put(Sample.file("q", "one"), .moved(3))]
      return [
        script(0, moved), script(2, Array(sent[..<4])), script(0, sent), script(1, kept), script(4, file),
        script(0, file),
        [0] + script([(PushKind.attempt, [UInt8](repeating: 1, count: 64)), (PushKind.turn, [1]), (0, [])])
          + script([(PushKind.turn, [0])]),
        [0] + script([(0, []), (PushKind.recipe, Sample.recipe.frames(Sample.chunks)[0]), (PushKind.turn, [0])]),
      ] + hostile.map { script(0, $0) }
    }

    /// Steps that no client of ours makes, each of which an agent once carried out half or wrongly.
    private static let hostile: [[Sync.Operation]] = [
      // Onto a directory with files of the host's own.
      [.put(Sample.directory("host"), .moved(1)), .moveAway(Sample.path("o"), 1)],
      // What is moved is something else than the entry says; or comes from nowhere, or twice, or never arrives.
      [.moveAway(Sample.path("a"), 1), .put(Sample.file("q", "two"), .moved(1))],
      [.moveAway(Sample.path("a"), 1), .put(Sample.directory("q"), .moved(1))],
      [.moveAway(Sample.path("o"), 1), .put(Sample.file("q", "two"), .moved(1))],
      [.put(Sample.directory("c"), .stays), .put(Sample.file("q", "two"), .moved(1))],
      [
        .moveAway(Sample.path("a"), 1), .put(Sample.file("q", "one"), .moved(1)),
        .put(Sample.file("r", "one"), .moved(1)),
      ],
      [.moveAway(Sample.path("a"), 1), .moveAway(Sample.path("d/b"), 1), .put(Sample.file("q", "two"), .moved(1))],
      [.moveAway(Sample.path("n"), 1)],
      // One content sent twice.
      [.put(Sample.file("x", "x"), .sent), .put(Sample.file("y", "x"), .sent)],
      // Further names of what is no file, or comes later, or holds something else.
      [.put(Sample.directory("c"), .stays), .put(Sample.file("q", "x", link: "nowhere"), .stays)],
      [.put(Sample.directory("c"), .stays), .put(Sample.file("q", "x", link: "d"), .stays)],
      [.put(Sample.directory("c"), .stays), .put(Sample.file("q", "x", link: "d/out"), .stays)],
      [.put(Sample.directory("c"), .stays), .put(Sample.file("q", "two", link: "a"), .stays)],
      [.put(Sample.file("b", "x", link: "x"), .stays), .put(Sample.file("x", "x"), .sent)],
    ]

    private static func script(_ options: UInt8, _ operations: [Sync.Operation]) -> [UInt8] {
      let sent = operations.count { if case .put(_, .sent) = $0 { true } else { false } }
      let contents = sent == 0 ? [] : script([(PushKind.contents, pack(sent))])
      return [options] + script([(0, []), (PushKind.operations, batch(operations))]) + contents
        + script([(PushKind.turn, [0])])
    }

    /// So many contents, each of them `x`.
    private static func pack(_ count: Int) -> [UInt8] {
      let packer = Packer()
      for ordinal in 0..<count { packer.add(ContentPiece(place: .whole(UInt64(ordinal)), bytes: [0x78])) }
      return packer.finish()
    }

    private static func batch(_ operations: [Sync.Operation]) -> [UInt8] {
      OperationWriter.single(operations.sorted { $0.path < $1.path })
    }

    private static func script(_ frames: [(UInt8, [UInt8])]) -> [UInt8] {
      frames.flatMap { [$0.0] + Pieces.encode([$0.1]) }
    }
  }
#endif
