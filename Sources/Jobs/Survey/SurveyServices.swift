// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Vocabulary
internal import Wire

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// The names and parameters of the services that look at a host, and of those that tidy up there.
enum SurveyCall {
  static let survey = "host.survey"
  static let reach = "host.reach"
  static let measure = "host.measure"
  static let pruneAgents = "prune.agents"
  static let pruneJobs = "prune.jobs"

  struct Places: Codable, Sendable {
    var paths: [String]
  }

  struct Endpoint: Codable, Sendable {
    var host: String
    var port: Int
  }

  /// Bytes there and back, to see how many a second the line carries.
  struct Load: Codable, Sendable {
    var sent: Data
    /// How many are wanted back.
    var wanted: Int
  }

  /// So many bytes, a mebibyte at most, that no line can compress.
  static func noise(_ count: Int) -> Data {
    var state = UInt64.random(in: 1 ... .max)
    let words = (0..<(max(0, min(count, 1 << 20)) + 7) / 8).map { _ in
      // xorshift64, since a generator that asks the system for each number takes longer than the line.
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
    return words.withUnsafeBytes { Data($0.prefix(max(0, count))) }
  }

  struct Agents: Codable, Sendable {
    var keep: Int
    var isDry: Bool
  }

  struct Jobs: Codable, Sendable {
    var keep: Int
    /// In seconds.
    var olderThan: Double
    var isDry: Bool
  }
}

/// What an agent serves for `doctor`, `hosts` and `prune`.
enum SurveyServices {
  static func add(to table: inout ServiceTable, store: JobStore, environment: HostEnvironment) {
    table.add(SurveyCall.survey) { (places: SurveyCall.Places, _) in HostSurvey(of: places.paths, environment) }
    table.add(SurveyCall.reach) { (endpoint: SurveyCall.Endpoint, _) in
      try await EndpointProbe(endpoint: endpoint, environment: environment, state: store.root).run()
    }
    table.add(SurveyCall.measure) { (load: SurveyCall.Load, _) in
      SurveyCall.Load(sent: SurveyCall.noise(load.wanted), wanted: 0)
    }
    table.add(SurveyCall.pruneAgents) { (agents: SurveyCall.Agents, _) in
      InstalledAgents(environment).prune(keeping: agents.keep, isDry: agents.isDry)
    }
    table.add(SurveyCall.pruneJobs) { (jobs: SurveyCall.Jobs, _) in
      store.prune(keeping: jobs.keep, olderThan: jobs.olderThan, isDry: jobs.isDry)
    }
  }
}
