// SPDX-License-Identifier: Apache-2.0

/// What follows a plan of moves that was shown: the question, the lease, the moves, and what is told of them.
struct ChannelRun: Sendable {
  let workspace: LocalWorkspace
  let selection: HostSelection
  /// For the audit log: `promote`, `rollback`.
  let command: String
  let isAgreed: Bool
  let context: RunContext
  let jobs: ActiveJobs

  /// Carries out those of the moves that change something.
  func carryOut(_ moves: [PlannedMove]) async throws -> ExitStatus {
    let moves = moves.filter(\.isNeeded)
    guard !moves.isEmpty else { return .success }
    let count = moves.count == 1 ? "the channel" : "\(moves.count) channels"
    try await Agreement(context: context, isGiven: isAgreed).ask("Move \(count)?")
    let done = try await ReleaseLease.with(
      moves.map(\.lease), workspace: workspace, selection: selection, context: context
    ) { lease in
      try await ChannelMoves(moves: moves, command: command, context: context, jobs: jobs).carryOut(under: lease)
    }
    for move in done { context.emit(.moved(move)) }
    // Hosts that run one of these images are to follow from here on: `done` says which images, from what, to what.
    return .success
  }
}
