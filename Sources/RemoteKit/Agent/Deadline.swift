// SPDX-License-Identifier: Apache-2.0

/// Gives work that waits for a peer a time limit.
enum Deadline {
  static let hint = "Check the network and the host, then run the same command again."

  /// Throws ``RemoteError/Code/timedOut`` after `limit`, and cancels `body`.
  static func run<Value: Sendable>(
    _ limit: Duration, host: String, _ what: String,
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try await Task.sleep(for: limit)
        throw RemoteError(
          .timedOut, host: host, "\(what) took longer than \(limit) and was given up", hint: hint)
      }
      defer { group.cancelAll() }
      guard let value = try await group.next() else { throw CancellationError() }
      return value
    }
  }
}
