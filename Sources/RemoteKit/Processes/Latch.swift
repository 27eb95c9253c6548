// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Something that happens once, and that tasks can wait for.
final class Latch: Sendable {
  private struct State {
    var isOpen = false
    var last = 0
    var waiting: [Int: CheckedContinuation<Void, any Error>] = [:]
  }

  private let state = Mutex(State())

  var isOpen: Bool { state.withLock { $0.isOpen } }

  /// Lets everybody through, from now on. Harmless when called twice.
  func open() {
    let waiting = state.withLock { state in
      state.isOpen = true
      defer { state.waiting = [:] }
      return state.waiting
    }
    for continuation in waiting.values { continuation.resume() }
  }

  /// Throws `CancellationError` when the task is cancelled, and nothing else.
  func wait() async throws {
    let id = state.withLock { state in
      state.last += 1
      return state.last
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        // What to resume with at once; `nil` where it is kept.
        let outcome = state.withLock { state -> Result<Void, any Error>? in
          if state.isOpen { return .success(()) }
          if Task.isCancelled { return .failure(CancellationError()) }
          state.waiting[id] = continuation
          return nil
        }
        if let outcome { continuation.resume(with: outcome) }
      }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(throwing: CancellationError())
    }
  }

  /// Whether it was opened within `limit`; also returns, with what is so then, when the task is cancelled.
  func isOpen(within limit: Duration) async -> Bool {
    if isOpen { return true }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await self.wait() }
      group.addTask { try? await Task.sleep(for: limit) }
      await group.next()
      group.cancelAll()
    }
    return isOpen
  }
}
