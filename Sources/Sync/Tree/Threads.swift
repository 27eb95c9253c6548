// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Synchronization

/// Where system calls on files run: threads that may block, which those of the cooperative pool must not.
enum Threads {
  private static let queue = DispatchQueue(label: "remote-build.sync.files", attributes: .concurrent)

  static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try body() }) }
    }
  }

  /// Calls `body` for each index on several threads, and blocks until all are done; only from inside ``run(_:)``.
  static func forEach(_ count: Int, _ body: @Sendable (Int) throws -> Void) throws {
    guard count > 0 else { return }
    let failure = Mutex<(any Error)?>(nil)
    // A few files at a time: one at a time costs more in handing out than a small file takes to read.
    let stride = max(1, min(64, count / 16))
    DispatchQueue.concurrentPerform(iterations: (count + stride - 1) / stride) { part in
      for index in (part * stride)..<min(count, (part + 1) * stride) {
        guard failure.withLock({ $0 == nil }) else { return }
        do { try body(index) } catch { failure.withLock { $0 = $0 ?? error } }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }
}
