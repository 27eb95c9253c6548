// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Hands out what is sent of big files, a pack at a time, to several channels that each take the next one.
final class BulkReader: Sendable {
  private struct State {
    var recipes: ArraySlice<Recipe>
    // Used under the lock; the batches that leave it are independent of it.
    nonisolated(unsafe) var file: DividedReader?
  }

  private let plan: PushPlan
  private let held: HeldContents
  private let state: Mutex<State>

  init(_ plan: PushPlan, _ held: HeldContents) {
    self.plan = plan
    self.held = held
    state = Mutex(State(recipes: plan.recipes[...]))
  }

  /// The next pack and the content bytes in it; `nil` at the end. Blocks.
  /// - Throws: ``SyncError`` with `changedWhileSent`.
  func nextPack(_ packer: Packer) throws -> (payload: [UInt8], bytes: Int)? {
    guard let batch = try nextBatch() else { return nil }
    var bytes = 0
    try batch.read { piece in
      packer.add(piece)
      bytes += piece.bytes.count
    }
    return (packer.finish(), bytes)
  }

  private func nextBatch() throws -> DividedReader.Batch? {
    try state.withLock { state in
      while true {
        if let batch = state.file?.nextBatch(of: Packer.size) { return batch }
        guard let recipe = state.recipes.popFirst() else { return nil }
        if held.isComplete(recipe.ordinal) { continue }
        state.file = try DividedReader(recipe, plan, held)
      }
    }
  }
}

extension BulkReader {
  /// What one channel takes of it. `@unchecked`: whoever has it awaits each call before the next one.
  final class Packs: @unchecked Sendable {
    private let reader: BulkReader
    private let packer = Packer()

    init(_ reader: BulkReader) { self.reader = reader }

    func next() async throws -> (payload: [UInt8], bytes: Int)? {
      try await Threads.run { try self.reader.nextPack(self.packer) }
    }
  }
}
