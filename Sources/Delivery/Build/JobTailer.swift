// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import Wire

/// A job's log as bytes in their order, each once, through however many connections it takes.
struct JobTailer: Sendable {
  let id: String
  let context: RunContext

  /// Where to begin.
  enum Start: Sendable, Hashable {
    case byte(UInt64)
    /// With what was printed in the last so many seconds.
    case last(seconds: Double)
  }

  /// Hands out the log until the job ends, or to where it ends now. Throws ``DeliveryError`` where the job can be followed
  /// no longer; it goes on then.
  /// - Parameters:
  ///   - note: hears where the next byte stands, and how the job stands. A place beyond the one that was due means that
  ///     the bytes between are gone on the host.
  ///   - each: takes the next bytes. Where it throws the tail ends.
  func tail(
    over line: Reconnection, from start: Start, follows: Bool = true, note: (TailNote) throws -> Void,
    each: ([UInt8]) throws -> Void
  ) async throws -> JobStatus {
    var place = start
    while true {
      do {
        let agent = try await line.session.openAgent()
        let status = try await read(agent, &place, follows, line, note, each)
        await agent.close()
        return status
      } catch let error where line.mayRestore(after: error) {
        do {
          try await line.restore(after: error)
        } catch let error where !(error is CancellationError) {
          throw abandoned(line.session, after: error)
        }
      } catch let error where !(error is CancellationError) {
        throw abandoned(line.session, after: error)
      }
    }
  }

  private func read(
    _ agent: FrameConnection, _ place: inout Start, _ follows: Bool, _ line: Reconnection,
    _ note: (TailNote) throws -> Void, _ each: ([UInt8]) throws -> Void
  ) async throws -> JobStatus {
    var offset: UInt64 = if case .byte(let offset) = place { offset } else { 0 }
    var isPlaced = if case .byte = place { true } else { false }
    // Whatever comes, and wherever it breaks off: the next byte is known.
    defer { if isPlaced { place = .byte(offset) } }
    let client = JobClient(agent)
    func take(_ told: TailNote) throws {
      line.noteSuccess()
      guard told.offset >= offset else { throw WireError(.malformed, "a log that goes backwards") }
      try note(told)
      offset = told.offset
      isPlaced = true
    }
    func take(_ bytes: [UInt8]) throws {
      line.noteSuccess()
      try each(bytes)
      offset += UInt64(bytes.count)
    }
    switch place {
    case .last(let seconds):
      return try await client.log(
        id, last: seconds, follow: follows, note: { try take($0) }, each: { try take($0) })
    case .byte where follows:
      return try await client.tail(id, from: offset, note: { try take($0) }, each: { try take($0) })
    case .byte: return try await client.log(id, from: offset, note: { try take($0) }, each: { try take($0) })
    }
  }

  /// Whatever keeps this laptop from following, the job goes on.
  private func abandoned(_ session: HostSession, after error: any Error) -> DeliveryError {
    if let failure = error as? ServiceFailure, failure.job == .noSuchJob {
      return DeliveryError(
        .usage, host: session.name, "there is no job \(id) there; the newest 200 are kept", next: [context.hints.jobs])
    }
    var failure = DeliveryError(error, host: session.name)
    failure.what = "the job can be followed no longer: \(failure.what)"
    failure.leftBehind = "job \(id) goes on there by itself"
    failure.next.append(context.hints.job("attach", id, on: session.name))
    return failure
  }
}
