// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import Vocabulary

/// Measures the line to a host over the session: how long a question takes, and how much a second goes through.
struct LineCheck: Sendable {
  let pool: AgentPool

  /// What is sent, and sent back: so much that a fast line shows, and nothing much on a slow one.
  private static let little = 16 << 10
  private static let much = 512 << 10
  private static let slowLine = 100_000.0
  private static let longLine = 0.4

  func run() async throws -> Check {
    try await pool.use { agent in
      let client = SurveyClient(agent)
      var trip = Double.infinity
      for _ in 0..<3 { trip = min(trip, try await Self.seconds { try await client.measure(0) }) }
      var (bytes, seconds) = (Self.little, try await Self.seconds { try await client.measure(Self.little) })
      if seconds - trip < 0.05 {
        (bytes, seconds) = (Self.much, try await Self.seconds { try await client.measure(Self.much) })
      }
      // Both ways, in base 64.
      let rate = Double(bytes) * 2 * 4 / 3 / max(seconds - trip, 0.0005)
      let what = "\(HostExamination.text(trip)) a round trip, about \(ByteCount(Int64(rate))) a second"
      if rate < Self.slowLine {
        return .warn(.line, what, mend: "expect the first sync to take its time; what is unchanged is not sent again")
      }
      if trip > Self.longLine { return .warn(.line, what, mend: "name a host that is nearer, or look at the network") }
      return .pass(.line, what)
    }
  }

  private static func seconds(_ body: () async throws -> Void) async throws -> Double {
    let start = ContinuousClock.now
    try await body()
    return start.duration(to: .now).seconds
  }
}
