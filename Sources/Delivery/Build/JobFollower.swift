// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import SystemPackage
internal import Vocabulary
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

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

  func follow(over line: Reconnection) async throws -> Outcome {
    let host = line.session.name
    let copy = try LogCopy(record.log)
    var transcript = BuildTranscript()
    var underWay: DeliveryEvent.Body?
    try copy.read { bytes in
      for event in transcript.read(bytes) {
        if case .step(let step) = event { underWay = step.state == .started ? event : underWay }
      }
    }
    // What was under way when this laptop looked away last.
    if let underWay { context.emit(underWay, host: host) }
    var queue = QueuePlace()
    var isBoundTold = false
    let status = try await JobTailer(id: id, context: context).tail(
      over: line, from: .byte(copy.end),
      note: { note in
        if let place = queue.take(note) { context.emit(.queued(.init(position: place)), host: host) }
        if note.offset > copy.end {
          context.emit(.skipped(.init(bytes: note.offset - copy.end, offset: note.offset)), host: host)
          transcript.skip()
          try copy.skip(to: note.offset)
        } else if note.kept > 0 && !isBoundTold {
          isBoundTold = true
          context.warn(
            "the host keeps the end of a long log only, at present from byte \(note.kept) on; the whole is in \(record.log)",
            host: host)
        }
      },
      each: { bytes in
        try copy.append(bytes)
        for event in transcript.read(bytes) { context.emit(event, host: host) }
      })
    for event in transcript.finish() { context.emit(event, host: host) }
    return Outcome(status: status, transcript: transcript)
  }
}

/// A job's place in its host's queue, as far as it was told.
struct QueuePlace: Sendable {
  private var last: Int?

  /// The place where it changed: 0 when its turn has come after a wait.
  mutating func take(_ note: TailNote) -> Int? {
    guard note.phase == .queued else {
      defer { last = nil }
      return last != nil && note.phase == .running ? 0 : nil
    }
    guard let position = note.position, position > 0, position != last else { return nil }
    last = position
    return position
  }
}
