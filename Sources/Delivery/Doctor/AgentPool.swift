// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import Wire

/// Several agents on one session, so that questions are asked side by side; each serves one at a time.
actor AgentPool {
  private var free: [FrameConnection]
  private var waiting: [CheckedContinuation<FrameConnection, Never>] = []
  /// How many there are.
  let count: Int
  /// Why there are no more, where fewer came than were wanted.
  let refusal: (any Error)?
  private let further: [FrameConnection]

  /// Opens up to `wanted` agents, the session's own first one among them.
  init(_ session: HostSession, wanted: Int) async {
    let opened = await withTaskGroup(of: Result<FrameConnection, any Error>.self) { group in
      for _ in 1..<wanted {
        group.addTask {
          do { return .success(try await session.openAgent()) } catch { return .failure(error) }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    further = opened.compactMap { try? $0.get() }
    refusal = opened.lazy.compactMap(\.failure).first
    free = [session.agent] + further
    count = free.count
  }

  /// Hands an agent to `body` when one is free.
  func use<Value: Sendable>(_ body: @Sendable (FrameConnection) async throws -> Value) async throws -> Value {
    let agent: FrameConnection
    if let found = free.popLast() {
      agent = found
    } else {
      agent = await withCheckedContinuation { waiting.append($0) }
    }
    defer { giveBack(agent) }
    return try await body(agent)
  }

  private func giveBack(_ agent: FrameConnection) {
    if waiting.isEmpty { free.append(agent) } else { waiting.removeFirst().resume(returning: agent) }
  }

  func close() async {
    for agent in further { await agent.close() }
  }
}
