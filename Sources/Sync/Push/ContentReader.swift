// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Reads the contents that a push sends, and packs them, a pack at a time.
///
/// Every content is hashed again as it is read: what does not match its digest any more is never completed.
final class ContentReader: @unchecked Sendable {
  // `@unchecked`: used by one task, which awaits each call before the next one.
  private let root: FilePath
  private let plan: PushPlan
  private var cursor: Spool.Cursor
  private var ordinal: UInt64 = 0
  private var recipes: ArraySlice<Recipe>
  private let packer = Packer()
  private var lastMade: ContinuousClock.Instant?
  private static let noPause = Duration.milliseconds(2)
  private var current: DividedReader?
  /// Whether big files are left to others.
  var skipsDivided = false
  /// What the host has of an attempt before.
  var held = HeldContents()

  init(root: FilePath, plan: PushPlan) {
    self.root = root
    self.plan = plan
    cursor = plan.operations.cursor()
    recipes = plan.recipes[...]
  }

  /// The next pack and the content bytes in it; `nil` at the end. Throws ``SyncError`` with `changedWhileSent`.
  func nextPack() async throws -> (payload: [UInt8], bytes: Int)? {
    try await Threads.run { try self.read() }
  }

  private func read() throws -> (payload: [UInt8], bytes: Int)? {
    // Whoever asks for a pack as soon as the one before is made waits for us, and not for the line.
    packer.level = lastMade.map { $0.duration(to: .now) < Self.noPause } ?? false ? 2 : 3
    defer { lastMade = .now }
    var total = 0
    while !packer.isFull {
      if let file = current {
        guard let (chunk, bytes) = try file.next() else {
          current = nil
          continue
        }
        packer.add(ContentPiece(place: .chunk(file.recipe.content.digest, chunk), bytes: bytes[...]))
        total += bytes.count
      } else {
        guard let bytes = try addNext() else { break }
        total += bytes
      }
    }
    return packer.pieces == 0 ? nil : (packer.finish(), total)
  }

  /// Adds the next content, or begins with a big one; `nil` when there is none.
  private func addNext() throws -> Int? {
    while let operation = try cursor.next() {
      guard case .put(let entry, .sent) = operation, let content = entry.content else { continue }
      let ordinal = self.ordinal
      self.ordinal += 1
      if content.isDivided {
        guard let recipe = recipes.popFirst() else { throw Self.changed(entry.path) }
        if skipsDivided || held.isComplete(ordinal) { continue }
        current = try DividedReader(recipe, plan, held)
        return 0
      }
      if held.isComplete(ordinal) { continue }
      let file = try Self.open(root, entry.path)
      defer { close(file) }
      let bytes = try Disk.read(file, at: 0, Int(content.size) + 1, entry.path.description)
      guard bytes.count == content.size, Digest.sha256(of: bytes) == content.digest else {
        throw Self.changed(entry.path)
      }
      packer.add(ContentPiece(place: .whole(ordinal), bytes: bytes[...]))
      return bytes.count
    }
    return nil
  }

  static func open(_ root: FilePath, _ path: TreePath) throws -> Int32 {
    do {
      return try Disk.open(
        AT_FDCWD, Array(root.string.utf8) + [TreePath.slash] + path.bytes, O_RDONLY | O_NONBLOCK,
        path: path.description)
    } catch {
      throw changed(path)
    }
  }

  static func changed(_ path: TreePath) -> SyncError {
    SyncError(
      .changedWhileSent,
      "\(path) changed while it was sent. Nothing was changed on the host; run the same command again",
      path: path.description)
  }
}
