// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import Synchronization
internal import SystemPackage
internal import Vocabulary
internal import Wire

/// Follows a job to its end: its log from where this laptop's copy stops, through broken connections, without a lost or
/// doubled byte.
struct JobFollower: Sendable {
  let id: String
  let record: BuildRecord
  let context: RunContext
  /// Opens a new session with the host of one that broke.
  let reconnect: @Sendable (HostSession) async throws -> HostSession

  struct Outcome: Sendable {
    var status: JobStatus
    var transcript: BuildTranscript
    /// The session that stands now; another one than at first where the connection broke.
    var session: HostSession
  }

  /// How often in a row it is tried to take up a broken connection before it is given up, with the job going on.
  private static let attempts = 8

  private struct Progress: Sendable {
    var transcript = BuildTranscript()
    var offset: UInt64 = 0
    var failures = 0
  }

  func follow(_ first: HostSession) async throws -> Outcome {
    let log = try record.openLog()
    defer { try? log.close() }
    let progress = Mutex(Progress())
    let known = record.logBytes()
    progress.withLock {
      _ = $0.transcript.read(known)
      $0.offset = UInt64(known.count)
    }
    var session = first
    while true {
      do {
        let agent = try await session.openAgent()
        let host = session.name
        let status = try await JobClient(agent).tail(id, from: progress.withLock { $0.offset }) { bytes in
          try log.writeAll(bytes)
          let events = progress.withLock { progress in
            progress.failures = 0
            progress.offset += UInt64(bytes.count)
            return progress.transcript.read(bytes)
          }
          for event in events { context.emit(event, host: host) }
        }
        await agent.close()
        return Outcome(status: status, transcript: progress.withLock { $0.transcript }, session: session)
      } catch let error where DeliveryError.isBrokenConnection(error) && !Task.isCancelled {
        session = try await takeUp(session, progress, after: error)
      }
    }
  }

  /// Waits, longer after each failure in a row, and connects anew.
  private func takeUp(
    _ broken: HostSession, _ progress: borrowing Mutex<Progress>, after first: any Error
  ) async throws -> HostSession {
    await broken.close()
    var error = first
    while true {
      let failures = progress.withLock { progress in
        progress.failures += 1
        return progress.failures
      }
      guard failures <= Self.attempts else {
        throw DeliveryError(
          .unavailable, host: broken.name, "the connection broke and could not be taken up again: \(error)",
          leftBehind: "job \(id) goes on there by itself", next: ["remote-build attach \(id)"])
      }
      // Full jitter, so that many clients of one host do not come back in step.
      let delay = Double.random(in: 0.05...1) * min(30, 0.25 * Double(1 << failures))
      context.emit(
        .reconnecting(.init(reason: "\(error)", attempt: failures, seconds: delay)), host: broken.name)
      try await Task.sleep(for: .seconds(delay))
      do {
        return try await reconnect(broken)
      } catch let next where DeliveryError.isBrokenConnection(next) {
        error = next
      }
    }
  }
}
