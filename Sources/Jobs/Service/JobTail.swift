// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// Sends a job's log from a byte offset on, as it grows, until the job ends or the client has enough.
struct JobTail {
  let job: JobDirectory
  let connection: FrameConnection

  private static let chunk = 256 << 10

  func run(_ tail: JobCall.Tail) async throws -> JobStatus {
    _ = try job.stored()
    let watch = try JobWatch(job)
    let offset = tail.since.map { job.log.offset(since: secondsSince1970() - $0) } ?? tail.offset
    let log = JobLogReader(job.log, at: offset)
    // Under way all along: it ends with the client's stop, or when the client is gone.
    let client = Task {
      defer { watch.stop() }
      return try await connection.receive()
    }
    do {
      let status = try await send(tail, from: log, watch)
      try await connection.send(Frame(kind: TailKind.end))
      guard let frame = try await client.value else { throw WireError(.closed, "the client is gone") }
      guard frame.kind == TailKind.stop else {
        throw WireError(.malformed, "a frame of kind \(frame.kind) during a tail")
      }
      return status
    } catch {
      client.cancel()
      throw error
    }
  }

  private func send(_ tail: JobCall.Tail, from log: JobLogReader, _ watch: JobWatch) async throws -> JobStatus {
    var told: TailNote?
    while true {
      // Read before the log, so that once it says the job is over the log is whole.
      let status = try job.status()
      var note = TailNote(offset: log.offset, kept: job.log.start, phase: status.phase, position: status.position)
      if (told?.kept, told?.phase, told?.position) != (note.kept, note.phase, note.position) {
        told = note
        try await connection.send(TailKind.note, json: note)
      }
      while let part = try next(log) {
        switch part {
        case .bytes(let bytes): try await connection.send(Frame(kind: TailKind.bytes, payload: bytes))
        case .skipped(let offset):
          (note.offset, note.kept) = (offset, max(offset, job.log.start))
          told = note
          try await connection.send(TailKind.note, json: note)
        }
      }
      if status.isOver || !tail.follow { return status }
      guard await watch.wait(status) else { return status }
    }
  }

  private func next(_ log: JobLogReader) throws -> JobLogReader.Part? {
    try ServiceFailure.wrapping("cannot read the log of job \(job.id)") { try log.next(upTo: Self.chunk) }
  }
}
