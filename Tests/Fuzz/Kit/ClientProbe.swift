// SPDX-License-Identifier: Apache-2.0

#if DEBUG
  import SystemPackage
  import Vocabulary
  import Wire

  #if canImport(Glibc)
    import Glibc
  #else
    import Darwin
  #endif

  @testable import Sync

  /// A client's whole push, to an agent that answers anything: frames, each a kind, two bytes of length, the payload.
  enum ClientProbe {
    static let probe = Probe(name: "client", check: check, seeds: seeds)

    /// A workspace that was scanned, for all inputs.
    private static let scanned: (box: Box, scan: Scan) = try! {
      let box = try Box()
      try box.fill()
      try box.addNoise()
      try Disk.remove(AT_FDCWD, Array(box.state.utf8), box.state)
      let root = FilePath(box.workspace)
      let cache = FilePath(box.top + "/outside/cache")
      let scan = try Expect.blocking { try await WorkspaceScanner(root: root, contexts: [], cacheFile: cache).scan() }
      return (box, scan)
    }()

    private static func check(_ bytes: [UInt8]) throws {
      var pieces = Pieces(bytes)
      var frames: [Frame] = []
      while !pieces.isAtEnd { frames.append(Frame(kind: pieces.byte(), payload: pieces.piece())) }
      // The digest of what the host tells is right where it is left out.
      let scratch = try Scratch()
      let told = Spool(scratch.descriptor)
      for index in frames.indices {
        if frames[index].kind == PushKind.differs { try told.append(frames[index].payload) }
        guard frames[index].kind == PushKind.differsEnd, frames[index].payload.isEmpty else { continue }
        let tree = try Expect.decoded { try Snapshot.empty.applying(told, scratch: scratch.descriptor) } ?? .empty
        frames[index] = DiffersEnd(isFromBase: false, tree: tree.digest).frame
      }
      let input = try MemoryStream.bytes(frames)
      let (box, scan) = scanned
      let before = try box.listing()
      try Expect.blocking {
        let call = PushCall(
          workspace: "/w", options: PushOptions(allowMassDelete: true, owner: "ada", project: "demo"))
        let push = WorkspacePush(scan: scan, host: "host", call: call, ancestors: nil)
        do {
          let report = try await push.run(over: FrameConnection(MemoryStream(input)))
          try Expect.that(report.treeDigest == scan.treeDigest, "another tree was acknowledged than was pushed")
        } catch { try Expect.refusal(error) }
      }
      try Expect.that(try box.listing() == before, "a host changed the laptop's tree")
    }

    private static func seeds() throws -> [[UInt8]] {
      let tree: [Sync.Operation] = [.put(Sample.directory("d"), .stays), .put(Sample.file("d/x", "x"), .sent)]
      let differs: [(UInt8, [UInt8])] = [(PushKind.differs, OperationWriter.single(tree)), (PushKind.differsEnd, [])]
      let answer = try FrameConnection.json(PushAnswer(treeDigest: scanned.scan.treeDigest))
      let held: [(UInt8, [UInt8])] = Sample.held.encoded.map { (PushKind.held, $0) }
      let credit = Frame.credit(PushKind.window).payload
      let scripts: [[(UInt8, [UInt8])]] = [
        [(CallKind.result, answer)], differs + [(CallKind.result, answer)], held + [(PushKind.credit, credit)],
        [(PushKind.credit, credit), (PushKind.stop, []), (CallKind.result, answer)],
        // Two times all the credit there is.
        [(PushKind.credit, Frame.credit(.max).payload), (PushKind.credit, Frame.credit(.max).payload)],
        [(CallKind.failure, try FrameConnection.json(Refusal.io.failure("no")))],
      ]
      return scripts.map { $0.flatMap { [$0.0] + Pieces.encode([$0.1]) } }
    }
  }
#endif
