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

  /// The files under `.remote-build/`, which whoever shares a workspace may have written.
  enum StateProbes {
    static let all = [
      Probe(
        name: "snapshot", check: snapshot,
        seeds: { [[0] + Box.managed, [1] + body(Box.managed), [1] + body(try Box.file(odd))] }),
      Probe(name: "journal", check: journal, seeds: journalSeeds),
      Probe(name: "lease-owner", check: leaseOwner, seeds: { owners.map { Array($0.utf8) } }),
      Probe(name: "project", check: project, seeds: { [Array("demo".utf8)] }),
      Probe(name: "chunk-store", check: chunkStore, seeds: { [Sample.chunks.encoded] }),
    ]

    /// What no tree may hold.
    private static let odd = [
      Sample.link("a", ""),
      TreeEntry(
        path: Sample.path("b"), kind: .file(Content(digest: .sha256(of: "x"), size: .max)), permissions: 0, modified: 0),
    ]

    /// A snapshot's records alone.
    private static func body(_ file: [UInt8]) -> [UInt8] {
      let tail = Snapshot.endMagic.count + 4
      let length = (0..<4).reduce(0) { $0 | Int(file[file.count - tail + $1]) << (8 * $1) }
      return Array(file[Snapshot.magic.count..<(file.count - tail - length - 1)])
    }

    /// A snapshot's file around records.
    private static func file(_ body: [UInt8]) -> [UInt8] {
      var summary = Snapshot.empty.summary
      summary.entries = 10
      summary.identity = .sha256(of: body)
      return Snapshot.magic + body + [Snapshot.endTag] + Snapshot.encode(summary)
    }

    private static func given(_ bytes: [UInt8]) -> [UInt8] {
      bytes.first == 1 ? file(Array(bytes.dropFirst())) : Array(bytes.dropFirst())
    }

    private static func snapshot(_ bytes: [UInt8]) throws {
      let box = try Box()
      mkdir(box.state, 0o755)
      try box.writeState("managed", given(bytes))
      let name = Array("\(box.state)/managed".utf8)
      guard let snapshot = Snapshot.load(AT_FDCWD, name) else { return }
      let scratch = try Scratch()
      var entries: [StampedEntry] = []
      let isWhole = try Expect.decoded { try snapshot.visit { entries.append($0) } } != nil
      try expectTree(entries.map(\.entry))
      // What is read from the middle is the same.
      let reader = SnapshotReader(snapshot)
      for entry in entries.prefix(3) {
        _ = try reader.next()
        let inner = try SnapshotReader(snapshot, at: reader.position).next()
        try Expect.that(inner?.entry == entry.entry, "another entry from the middle")
      }
      guard isWhole else { return }
      let again = try Expect.again {
        let writer = try SnapshotWriter(scratch.descriptor, nil, path: "a tree")
        for entry in entries { try writer.append(entry) }
        return try writer.finish()
      }
      var second: [StampedEntry] = []
      try Expect.again { try again.visit { second.append($0) } }
      try Expect.that(
        second.map(\.entry) == entries.map(\.entry) && second.map(\.stamp) == entries.map(\.stamp),
        "another tree after writing it")
    }

    private static func expectTree(_ entries: [TreeEntry]) throws {
      var directories: Set<[UInt8]> = [[]]
      var last: TreePath?
      for entry in entries {
        try Expect.safe(entry.path)
        try Expect.that(directories.contains(entry.path.parent), "an entry below what is no directory: \(entry.path)")
        if let last { try Expect.that(last < entry.path, "entries out of order: \(entry.path)") }
        last = entry.path
        if entry.isDirectory { directories.insert(entry.path.bytes) }
        if let link = entry.link { try Expect.safe(link) }
        try Expect.that((entry.content?.size ?? 0) <= UInt64(Int64.max), "a size that no file has: \(entry.path)")
        if case .symlink(let target) = entry.kind {
          try Expect.that(!target.contains(0) && !target.isEmpty, "a target that no link has: \(entry.path)")
        }
      }
    }

    // MARK: - The journal

    private static func journalSeeds() throws -> [[UInt8]] {
      let order = Journal.Order(
        savedAside: ["656469746564"], leftBehind: [], savedName: "20260101T000000Z",
        kinds: ApplyPlan.Kinds(moves: true, removals: true), isFromManaged: true)
      let target = [
        Sample.directory("d"), Sample.file("d/b", "two"), Sample.directory("m"), Sample.file("m/p", "four"),
      ]
      let huge = [
        TreeEntry(
          path: Sample.path("a"), kind: .file(Content(digest: .sha256(of: "one"), size: .max)), permissions: 0o644,
          modified: 0)
      ]
      let steps: [Sync.Operation] = [
        .delete(Sample.path("a")), .delete(Sample.path("edited")), .put(Sample.directory("m"), .moved(1)),
        .moveAway(Sample.path("o"), 1), .put(Sample.link("z", "m"), .stays), .put(Sample.file("y", "y"), .sent),
      ].sorted { $0.path < $1.path }
      let batch = OperationWriter.single(steps)
      let length = (0..<4).map { UInt8(truncatingIfNeeded: batch.count >> (8 * $0)) }
      return [
        Pieces.encode([
          try FrameConnection.json(order), [1] + body(try Box.file(target)), [0] + Box.managed, length + batch,
          Array("y".utf8),
        ]),
        // A directory of saved files that leads elsewhere; a size that no file has.
        Pieces.encode([
          Array(
            String(decoding: try FrameConnection.json(order), as: UTF8.self).replacing(
              "20260101T000000Z", with: #"..\u0000x"#
            ).utf8),
          [1] + body(try Box.file(target)), [0] + Box.managed, length + batch, Array("y".utf8),
        ]), Pieces.encode([[], [1] + body(try Box.file(huge)), [0] + Box.managed, length + batch, []]),
        Pieces.encode([[], [1] + body(try Box.file(target)), [0] + Box.managed, length + batch, []]),
      ]
    }

    /// A workspace whose last agent was killed.
    private static func journal(_ bytes: [UInt8]) throws {
      var pieces = Pieces(bytes)
      let box = try Box()
      try box.fill()
      mkdir(box.state + "/journal", 0o755)
      mkdir(box.state + "/staging", 0o755)
      let order = pieces.piece()
      let plain =
        #"{"isFromManaged":false,"kinds":{"clearings":true,"moves":true,"removals":true},"#
        + #""leftBehind":[],"savedAside":["656469746564"],"savedName":"s"}"#
      try box.writeState("journal/order", order.isEmpty ? Array(plain.utf8) : order)
      try box.writeState("journal/target", given(pieces.piece()))
      try box.writeState("journal/before", given(pieces.piece()))
      try box.writeState("journal/steps", pieces.piece())
      let content = pieces.all()
      for name in [Staging.content(.sha256(of: content)), Staging.step(0), Staging.away(1)] {
        try box.writeState("staging/\(TreePath.text(name))", content)
      }
      // The second one finds what the first left.
      for _ in 0..<2 {
        _ = try Expect.decoded {
          let workspace = try AgentWorkspace(
            box.workspace, project: "demo", owner: "fuzz", adopt: false, wait: false)
          let scratch = try Scratch()
          let scan = try workspace.scan(scratch.descriptor, chunks: try workspace.chunks()).scan
          var entries: [TreeEntry] = []
          try scan.snapshot.visit { entries.append($0.entry) }
          try expectTree(entries)
        }
        try box.expectNothingOutside()
      }
    }

    // MARK: - Small files

    private static let owners = [
      #"{"owner":"ada","since":1,"process":2}"#,
      // The latest times that the system can and cannot put into a calendar.
      #"{"owner":"ada","since":67768036191676799,"process":2}"#,
      #"{"owner":"ada","since":9223372036854775807,"process":2}"#,
    ]

    private static func leaseOwner(_ bytes: [UInt8]) throws {
      let box = try Box()
      mkdir(box.state, 0o755)
      let state = try Disk.open(AT_FDCWD, Array(box.state.utf8), O_RDONLY | O_DIRECTORY, path: box.state)
      defer { close(state) }
      let lease = try Lease(state: state, owner: "fuzz", wait: false, workspace: box.workspace)
      try box.writeState("lease.owner", bytes)
      let second = try Expect.decoded { try Lease(state: state, owner: "two", wait: false, workspace: box.workspace) }
      try Expect.that(second == nil, "two hold a lease")
      withExtendedLifetime(lease) {}
    }

    private static func project(_ bytes: [UInt8]) throws {
      let box = try Box()
      try box.fill()
      try box.writeState("project", bytes)
      let opened = try Expect.decoded {
        try AgentWorkspace(box.workspace, project: "demo", owner: "fuzz", adopt: false, wait: false)
      }
      try Expect.that((opened != nil) == (bytes == Array("demo".utf8)), "another project's copy was opened")
    }

    private static func chunkStore(_ bytes: [UInt8]) throws {
      let box = try Box()
      mkdir(box.state, 0o755)
      mkdir(box.state + "/chunks", 0o755)
      let state = try Disk.open(AT_FDCWD, Array(box.state.utf8), O_RDONLY | O_DIRECTORY, path: box.state)
      defer { close(state) }
      let list = try? ChunkList(encoded: bytes, limit: MessageProbes.recipeLimit)
      let digest = list?.digest ?? .sha256(of: bytes)
      try box.writeState("chunks/\(digest.hex)", bytes)
      let store = try ChunkStore(state, Array("chunks".utf8), path: "chunks")
      let loaded = store.load(Content(digest: digest, size: list?.size ?? MessageProbes.recipeLimit))
      try Expect.that(loaded == list, "another list than was kept")
    }
  }
#endif
