// SPDX-License-Identifier: Apache-2.0

#if DEBUG
  import CZstd
  import Vocabulary
  import Wire

  @testable import Sync

  /// Values that seeds are made of.
  enum Sample {
    static func path(_ text: String) -> TreePath { TreePath(unchecked: Array(text.utf8)) }

    static func file(
      _ path: String, _ text: String, permissions: UInt16 = 0o644, link: String? = nil
    ) -> TreeEntry {
      TreeEntry(
        path: self.path(path), kind: .file(Content(digest: .sha256(of: text), size: UInt64(text.utf8.count))),
        permissions: permissions, modified: 1_000_000_000, link: link.map { self.path($0) })
    }

    static func directory(_ path: String) -> TreeEntry {
      TreeEntry(path: self.path(path), kind: .directory, permissions: 0o755, modified: 1_000_000_001)
    }

    static func link(_ path: String, _ target: String) -> TreeEntry {
      TreeEntry(path: self.path(path), kind: .symlink(Array(target.utf8)), permissions: 0o777, modified: -1)
    }

    static let operations: [Sync.Operation] = [
      .delete(path("a")), .put(directory("d"), .stays), .put(file("d/f", "x"), .sent),
      .put(file("d/g", "x", link: "d/f"), .stays), .put(link("d/l", "../a"), .stays), .put(file("d/m", "x"), .same),
      .put(file("e", "two"), .copied(path("d/b"))), .put(directory("m"), .moved(1)), .forget(path("n")),
      .moveAway(path("o"), 1),
    ]

    /// What ``Box`` and the recipes have of a big file.
    static let chunks: ChunkList = {
      var list = ChunkList()
      for (index, length) in [65536, 16384, 65536, 262_144, 20000].enumerated() {
        list.chunks.append(ChunkList.Chunk(digest: .sha256(of: "\(index % 4)"), length: UInt32(length)))
      }
      return list
    }()

    static let recipe = Recipe(
      ordinal: 0, path: path("f"), content: Content(digest: chunks.digest, size: chunks.size),
      sources: [Recipe.Source(path: path("big"), content: Content(digest: chunks.digest, size: chunks.size))],
      runs: [.copied(source: 0, first: 0, count: 2), .earlier(first: 0, count: 1), .sent(count: 2)])

    static var packs: [[UInt8]] {
      let packer = Packer()
      func pack(_ pieces: [ContentPiece]) -> [UInt8] {
        for piece in pieces { packer.add(piece) }
        return packer.finish()
      }
      return [
        pack([
          ContentPiece(place: .whole(0), bytes: [0x78]), ContentPiece(place: .chunk(.sha256(of: "x"), 3), bytes: [1]),
        ]),
        pack([ContentPiece(place: .whole(0), bytes: [UInt8](repeating: 0, count: 5000)[...])]), bomb,
      ]
    }

    /// A few bytes that unpack to the most that a pack may hold, in the smallest pieces there are.
    private static var bomb: [UInt8] {
      let size = Frame.maximumPayload / 3 * 3
      var head = MessageEncoder()
      head.write(byte: 1)
      head.write(UInt64(size))
      let zeros = [UInt8](repeating: 0, count: size)
      return head.bytes
        + [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(size)) { buffer, count in
          count = ZSTD_compress(buffer.baseAddress, buffer.count, zeros, size, 3)
        }
    }

    static var held: HeldContents {
      var held = HeldContents()
      for ordinal: UInt64 in [0, 1, 5] { held.add(ordinal) }
      for chunk in [0, 1, 7] { held.add(chunk: chunk, of: 9) }
      return held
    }

    static var ends: [[UInt8]] {
      var encoder = MessageEncoder()
      encoder.write("text")
      encoder.write(signed: -5)
      let digest = Digest.sha256(of: "x")
      return [
        Attempt(base: digest, target: Snapshot.empty.digest).frame.payload,
        DiffersEnd(isFromBase: true, tree: digest).frame.payload, Frame.turn(.waiting).payload, encoder.bytes,
      ]
    }
  }
#endif
