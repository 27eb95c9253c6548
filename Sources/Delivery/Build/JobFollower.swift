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

  struct Outcome: Sendable {
    var status: JobStatus
    var transcript: BuildTranscript
  }

  /// How often in a row it is tried to take up a broken connection before it is given up, with the job going on.
  private static let attempts = 8

  private struct Progress: Sendable {
    var transcript = BuildTranscript()
    var offset: UInt64 = 0
    var failures = 0
  }

  func follow(on session: HostSession) async throws -> Outcome {
    let log = try record.openLog()
    defer { try? log.close() }
    let progress = Mutex(Progress())
    let known = record.logBytes()
    let standing = progress.withLock { progress in
      progress.offset = UInt64(known.count)
      let steps = progress.transcript.read(known).filter { if case .step = $0 { true } else { false } }
      return steps.last { if case .step(let step) = $0 { step.state == .started } else { false } }
    }
    // What was under way when this laptop looked away last.
    if let standing { context.emit(standing, host: session.name) }
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
        return Outcome(status: status, transcript: progress.withLock { $0.transcript })
      } catch let error where DeliveryError.isBrokenConnection(error) && !Task.isCancelled {
        try await takeUp(session, progress, after: error)
      } catch let error where !(error is CancellationError) {
        throw abandoned(session, after: error)
      }
    }
  }

  /// Waits, longer after each failure in a row, and connects anew.
  private func takeUp(
    _ session: HostSession, _ progress: borrowing Mutex<Progress>, after first: any Error
  ) async throws {
    var error = first
    while true {
      let failures = progress.withLock { progress in
        progress.failures += 1
        return progress.failures
      }
      guard failures <= Self.attempts else {
        throw abandoned(session, after: error)
      }
      // Full jitter, so that many clients of one host do not come back in step.
      let delay = Double.random(in: 0.05...1) * min(30, 0.25 * Double(1 << failures))
      context.emit(
        .reconnecting(.init(reason: DeliveryError(error, host: nil).what, attempt: failures, seconds: delay)),
        host: session.name)
      try await Task.sleep(for: .seconds(delay))
      do {
        return try await session.reconnect()
      } catch let next where DeliveryError.isBrokenConnection(next) {
        error = next
      } catch let next where !(next is CancellationError) {
        throw abandoned(session, after: next)
      }
    }
  }

  /// Whatever keeps this laptop from following, the job goes on.
  private func abandoned(_ session: HostSession, after error: any Error) -> DeliveryError {
    var failure = DeliveryError(error, host: session.name)
    failure.what = "the job can be followed no longer: \(failure.what)"
    failure.leftBehind = "job \(id) goes on there by itself"
    failure.next.append(context.hints.job("attach", id, on: session.name))
    return failure
  }
}
