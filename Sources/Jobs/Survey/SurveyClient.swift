// SPDX-License-Identifier: Apache-2.0

public import Wire

/// Asks an agent what stands on its host, and has it tidy up there. Each throws as ``JobClient``'s calls do.
public struct SurveyClient: Sendable {
  private let connection: FrameConnection

  /// A connection whose hello was received.
  public init(_ connection: FrameConnection) { self.connection = connection }

  /// Facts about the host and about `paths`, 32 at most. Nothing is changed.
  public func survey(_ paths: [String]) async throws -> HostSurvey {
    try await connection.call(SurveyCall.survey, SurveyCall.Places(paths: paths))
  }

  /// Whether the host reaches a server. The connection is closed at once.
  public func reach(_ host: String, port: Int) async throws -> EndpointFacts {
    try await connection.call(SurveyCall.reach, SurveyCall.Endpoint(host: host, port: port))
  }

  /// Sends `count` bytes and has as many sent back, a mebibyte at most.
  public func measure(_ count: Int) async throws {
    let load = SurveyCall.Load(sent: SurveyCall.noise(count), wanted: count)
    let _: SurveyCall.Load = try await connection.call(SurveyCall.measure, load)
  }

  /// Removes the agents but those that were used last, and those that run.
  /// - Returns: what was removed, or would be.
  public func pruneAgents(keeping most: Int, isDry: Bool) async throws -> [InstalledAgent] {
    try await connection.call(SurveyCall.pruneAgents, SurveyCall.Agents(keep: most, isDry: isDry))
  }

  /// Removes finished jobs beyond the newest `most` that ended longer ago than `age` seconds; those that wait for their
  /// proof stay.
  /// - Returns: what was removed, or would be.
  public func pruneJobs(keeping most: Int, olderThan age: Double, isDry: Bool) async throws -> [PrunedThing] {
    try await connection.call(SurveyCall.pruneJobs, SurveyCall.Jobs(keep: most, olderThan: age, isDry: isDry))
  }
}
