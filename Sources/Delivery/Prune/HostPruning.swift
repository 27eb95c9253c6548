// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Jobs
internal import Sync
internal import Vocabulary
internal import Wire

/// Tidies up one host. What is removed is decided anew each time, and not taken from the plan that was shown: what came
/// meanwhile stays.
struct HostPruning: Sendable {
  let session: HostSession
  let workspace: LocalWorkspace
  let choice: ImagePruning
  let limits: PruneLimits
  let context: RunContext

  /// How many agents stay, and how many jobs whatever their age.
  private static let agents = 1
  private static let jobs = 20

  /// Throws ``DeliveryError`` with `leaseHeld` where someone works in the workspace; then nothing was removed.
  func run(isDry: Bool) async throws -> [PruneRow] {
    let agent = try await session.openAgent()
    do {
      let rows = try await rows(agent, isDry: isDry)
      // The lease goes with it.
      await agent.close()
      return rows.map { $0.on(session.name) }
    } catch {
      await agent.close()
      throw error
    }
  }

  private func rows(_ agent: FrameConnection, isDry: Bool) async throws -> [PruneRow] {
    let images = workspace.project?.images.map(\.name)
    let tidied: TidiedWorkspace
    do {
      tidied = try await WorkspaceTidying.tidy(
        session.workspace, images: images, savedOlderThan: limits.seconds, owner: context.owner, isDry: isDry,
        over: agent)
    } catch let failure as ServiceFailure where failure.code == Refusal.leaseHeld.rawValue {
      var error = DeliveryError(failure, host: session.name)
      error.leftBehind = "nothing was removed there"
      throw error
    }
    let survey = SurveyClient(agent)
    let agents = try await survey.pruneAgents(keeping: Self.agents, isDry: isDry)
    let jobs = try await survey.pruneJobs(keeping: Self.jobs, olderThan: limits.seconds, isDry: isDry)
    let busy = tidied.busy.isEmpty ? nil : "a build runs from \(tidied.busy.joined(separator: ", "))"
    var rows = [
      PruneRow(
        .agents, names: agents.map { String($0.digest.prefix(12)) }, size: Self.sum(agents.map(\.size)), isDone: !isDry),
      PruneRow(.jobs, names: jobs.map(\.name), size: Self.sum(jobs.map(\.size)), isDone: !isDry),
      PruneRow(
        .slots, names: tidied.slots.map(\.name), size: Self.sum(tidied.slots.map(\.size)), isDone: !isDry, note: busy),
      PruneRow(.saved, names: tidied.saved.map(\.name), size: Self.sum(tidied.saved.map(\.size)), isDone: !isDry),
    ]
    rows += try await docker(agent, isDry: isDry)
    return rows
  }

  private func docker(_ agent: FrameConnection, isDry: Bool) async throws -> [PruneRow] {
    let client = JobClient(agent)
    guard let builder = try? await DockerBuilder.detect(on: session) else { return [] }
    let active = try await client.list().filter { !$0.isOver }
    guard active.isEmpty else {
      // A build may be about to stand on an image that looks as if nobody needed it.
      let note = "left alone: \(active.count) of your jobs run or wait there"
      return [PruneRow(.images, names: [], size: .zero, isDone: !isDry, note: note)]
    }
    let pruning = DockerPruning(session: session, docker: builder.path, choice: choice, limits: limits)
    return [try await pruning.images(isDry: isDry), try await pruning.cache(isDry: isDry)]
  }

  private static func sum(_ sizes: [ByteCount]) -> ByteCount { sizes.reduce(.zero) { $0 + $1 } }
}
