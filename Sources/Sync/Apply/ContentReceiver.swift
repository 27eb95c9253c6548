// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

/// Takes contents as they arrive, verifies them, and stages them.
final class ContentReceiver: @unchecked Sendable {
  // `@unchecked`: used by one call, which awaits each step on a worker thread.
  private let staging: Staging
  private let root: HeldDirectory
  private let sent: UInt64
  private var cursor: Spool.Cursor
  /// The content that the cursor stands at.
  private var ordinal: UInt64 = 0
  private var current: TreeEntry?
  /// Whole contents that are staged, by their ordinals.
  private var arrived: [Bool]
  private var recipes: [UInt64: RecipeReader]
  private var assemblies: [Digest: (ordinal: UInt64, assembly: Assembly)] = [:]
  /// Divided contents that were whole from the first.
  private var whole: Set<Digest> = []
  /// Contents, of either kind, that are staged.
  private var complete: UInt64 = 0
  private(set) var held = HeldContents()

  /// Finds what is staged already. Blocks.
  init(_ plan: ApplyPlan, _ recipes: [UInt64: RecipeReader], _ staging: Staging, _ root: HeldDirectory) throws {
    self.staging = staging
    self.root = root
    self.recipes = recipes
    sent = plan.sent
    arrived = Array(repeating: false, count: Int(plan.sent))
    cursor = plan.steps.cursor()
    try takeUp(plan.steps)
  }

  private func takeUp(_ steps: Spool) throws {
    guard staging.isResumed || !recipes.isEmpty else { return }
    var cursor = steps.cursor()
    var ordinal: UInt64 = 0
    while let step = try cursor.next() {
      guard case .put(let entry, .sent) = step, let content = entry.content else { continue }
      defer { ordinal += 1 }
      if staging.isResumed, try staging.holds(content, for: entry) {
        finish(ordinal)
        held.add(ordinal)
        whole.insert(content.digest)
        recipes[ordinal] = nil
      } else if content.isDivided {
        let assembly = try begin(ordinal, entry, content)
        assembly.held { held.add(chunk: $0, of: ordinal) }
      }
    }
  }

  private func begin(_ ordinal: UInt64, _ entry: TreeEntry, _ content: Content) throws -> Assembly {
    guard let recipe = recipes.removeValue(forKey: ordinal) else {
      throw Refusal.digestMismatch.failure("\(entry.path) came without its recipe")
    }
    let assembly = try Assembly(entry, content, recipe, staging, root)
    if assembly.isFinished {
      finish(ordinal)
      held.add(ordinal)
      whole.insert(content.digest)
    } else {
      assemblies[content.digest] = (ordinal, assembly)
    }
    return assembly
  }

  /// Writes one frame's pieces. Throws ``Refusal/digestMismatch`` for content that was not announced, or is other than
  /// its digest says.
  func receive(_ payload: [UInt8]) throws {
    for piece in try Unpacker.pieces(payload) {
      switch piece.place {
      case .whole(let ordinal):
        guard ordinal < sent else {
          throw Refusal.digestMismatch.failure("the client sent content \(ordinal), which no file needs")
        }
        if !arrived[Int(ordinal)] { try receiveWhole(ordinal, piece.bytes) }
      case .chunk(let digest, let index):
        // It was sent before the client heard that the file is whole.
        if whole.contains(digest) { continue }
        guard let (ordinal, assembly) = assemblies[digest] else {
          throw Refusal.digestMismatch.failure("the client sent a chunk of \(digest.short), which no file needs")
        }
        try assembly.take(index, piece.bytes)
        if assembly.isFinished { finish(ordinal) }
      }
    }
  }

  private func finish(_ ordinal: UInt64) {
    guard !arrived[Int(ordinal)] else { return }
    arrived[Int(ordinal)] = true
    complete += 1
  }

  private func receiveWhole(_ ordinal: UInt64, _ bytes: ArraySlice<UInt8>) throws {
    let entry = try entry(ordinal)
    guard let content = entry.content, !content.isDivided, content.size == bytes.count,
      Digest.sha256(of: bytes) == content.digest
    else {
      throw Refusal.digestMismatch.failure("\(entry.path) arrived with another content than was announced")
    }
    try staging.put(bytes, entry, content.digest)
    finish(ordinal)
  }

  /// Contents arrive in their order, so one way through the steps finds all of them.
  private func entry(_ wanted: UInt64) throws -> TreeEntry {
    while true {
      if let current, ordinal == wanted + 1 { return current }
      guard ordinal <= wanted, let step = try cursor.next() else {
        throw Refusal.digestMismatch.failure("content \(wanted) came out of its order")
      }
      guard case .put(let entry, .sent) = step else { continue }
      current = entry
      ordinal += 1
    }
  }

  /// Throws unless all content is there.
  func expectComplete() throws {
    for (ordinal, assembly) in assemblies.values {
      try assembly.takeFromOthers()
      if assembly.isFinished { finish(ordinal) }
    }
    guard complete == sent else {
      throw Refusal.digestMismatch.failure("\(sent - complete) announced contents did not arrive")
    }
  }
}
