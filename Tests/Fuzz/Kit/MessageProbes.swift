// SPDX-License-Identifier: Apache-2.0

#if DEBUG
  import Vocabulary
  import Wire

  @testable import Sync

  /// The payloads of the frames of `sync.push`.
  enum MessageProbes {
    static let all = [
      Probe(name: "operations", check: operations, seeds: { [OperationWriter.single(Sample.operations)] }),
      Probe(name: "recipe", check: recipe, seeds: { [Pieces.encode(Sample.recipe.frames(Sample.chunks))] }),
      Probe(name: "pack", check: pack, seeds: { Sample.packs }),
      Probe(name: "held", check: held, seeds: { Sample.held.encoded }),
      Probe(name: "ends", check: ends, seeds: { Sample.ends }),
      Probe(name: "chunk-list", check: chunkList, seeds: { [Sample.chunks.encoded] }),
    ]

    private static func operations(_ bytes: [UInt8]) throws {
      guard let operations = try Expect.decoded({ try OperationReader.all(bytes) }) else { return }
      for operation in operations {
        try Expect.safe(operation.path)
        guard case .put(let entry, let source) = operation else { continue }
        if let link = entry.link { try Expect.safe(link) }
        if case .copied(let path) = source { try Expect.safe(path) }
        try Expect.that((entry.content?.size ?? 0) <= UInt64(Int64.max), "a size that no file has")
      }
      let again = try Expect.again { try OperationReader.all(OperationWriter.single(operations)) }
      try Expect.that(again == operations, "other operations after encoding")
      let scratch = try Scratch()
      let steps = Spool(scratch.descriptor)
      try steps.append(bytes)
      guard
        let tree = try Expect.decoded({ try Snapshot.empty.applying(steps, scratch: scratch.descriptor) })
      else { return }
      // As a host's tree is told to a client.
      let told = try Expect.again {
        try Snapshot.empty.applying(
          Difference(from: .empty, to: tree, scratch: scratch.descriptor, stands: { _ in false }).steps,
          scratch: scratch.descriptor)
      }
      try Expect.that(told.summary.identity == tree.summary.identity, "another tree after telling it")
    }

    /// Bytes that the file of a recipe may have here.
    static let recipeLimit: UInt64 = 32 << 20

    private static func recipe(_ bytes: [UInt8]) throws {
      var pieces = Pieces(bytes)
      var payloads: [[UInt8]] = []
      while !pieces.isAtEnd { payloads.append(pieces.piece()) }
      guard let reader = try Expect.decoded({ try read(payloads) }) else { return }
      try Expect.that(reader.chunks.size <= recipeLimit, "a file over its limit")
      let counts = reader.runs.reduce(0) { $0 + $1.count }
      try Expect.that(counts == reader.chunks.chunks.count, "runs that do not make the file")
      for source in reader.sources { try Expect.safe(source.path) }
      guard reader.isComplete else { return }
      let recipe = Recipe(
        ordinal: 0, path: Sample.path("f"), content: Content(digest: reader.chunks.digest, size: reader.chunks.size),
        sources: reader.sources, runs: reader.runs)
      let again = try Expect.again { try read(recipe.frames(reader.chunks)) }
      try Expect.that(again.chunks == reader.chunks, "another file after encoding")
    }

    /// Reads the frames of a recipe's, each after its ordinal, with sources that all have the same chunks.
    static func read(_ payloads: [[UInt8]]) throws -> RecipeReader {
      var reader = RecipeReader(ordinal: 0, limit: recipeLimit)
      for payload in payloads {
        var decoder = MessageDecoder(payload)
        _ = try decoder.readUInt()
        _ = try reader.take(&decoder) { _ in Sample.chunks }
      }
      return reader
    }

    private static func pack(_ bytes: [UInt8]) throws {
      guard let pieces = try Expect.decoded({ try Unpacker.pieces(bytes) }) else { return }
      try Expect.that(pieces.count <= Packer.mostPieces, "more pieces than a pack may have")
      let size = pieces.reduce(0) { $0 + $1.bytes.count }
      try Expect.that(size <= Frame.maximumPayload, "more bytes than a pack may have")
      let packer = Packer()
      for piece in pieces { packer.add(piece) }
      let packed = packer.finish()
      // Other numbers may be written longer than they need to be.
      let again = try Expect.again { try Unpacker.pieces(packed) }
      try Expect.that(
        again.map(\.place) == pieces.map(\.place) && again.map { Array($0.bytes) } == pieces.map { Array($0.bytes) },
        "other pieces after packing")
    }

    private static func held(_ bytes: [UInt8]) throws {
      var held = HeldContents()
      guard try Expect.decoded({ try held.decode(bytes) }) != nil else { return }
      for ordinal in [0, 1, UInt64(UInt32.max), .max] {
        _ = held.isComplete(ordinal)
        _ = held.has(chunk: 0, of: ordinal)
      }
      var again = HeldContents()
      try Expect.again { for payload in held.encoded { try again.decode(payload) } }
      try Expect.that(again.complete == held.complete && again.chunks == held.chunks, "other contents after encoding")
    }

    /// The small frames: an attempt, the end of what differs, a turn.
    private static func ends(_ bytes: [UInt8]) throws {
      if let attempt = try Expect.decoded({ try Attempt(bytes) }) {
        try Expect.that(attempt.frame.payload == bytes, "another attempt after encoding")
      }
      if let end = try Expect.decoded({ try DiffersEnd(bytes) }) {
        try Expect.that(end.frame.payload == bytes, "another end after encoding")
      }
      if let turn = try Expect.decoded({ try Frame(kind: PushKind.turn, payload: bytes).readTurn() }) {
        try Expect.that(Frame.turn(turn).payload == bytes, "another turn after encoding")
      }
      // Texts and numbers, which all messages are made of.
      var decoder = MessageDecoder(bytes)
      _ = try Expect.decoded {
        while !decoder.isAtEnd {
          var encoder = MessageEncoder()
          let (text, number) = (try decoder.readString(), try decoder.readInt())
          encoder.write(text)
          encoder.write(signed: number)
          var again = MessageDecoder(encoder.bytes)
          try Expect.that(try again.readString() == text && again.readInt() == number, "another text after encoding")
        }
      }
    }

    private static func chunkList(_ bytes: [UInt8]) throws {
      guard let list = try Expect.decoded({ try ChunkList(encoded: bytes, limit: recipeLimit) }) else { return }
      try Expect.that(list.size <= recipeLimit, "a file over its limit")
      try Expect.that(list.offsets.count == list.chunks.count, "chunks without a place")
      let again = try Expect.again { try ChunkList(encoded: list.encoded, limit: recipeLimit) }
      try Expect.that(again == list, "other chunks after encoding")
    }
  }
#endif
