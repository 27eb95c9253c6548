// SPDX-License-Identifier: Apache-2.0

internal import Jobs
public import SystemPackage
internal import Wire

/// `remote-build logs`: hands out a job's log as its host has it, and changes nothing anywhere.
public struct LogsRun: Sendable {
  let context: RunContext
  let named: FilePath?
  let selection: HostSelection
  let jobs: ActiveJobs

  public init(context: RunContext, workspace: FilePath?, selection: HostSelection, jobs: ActiveJobs) {
    self.context = context.hinting(selection, workspace)
    named = workspace
    self.selection = selection
    self.jobs = jobs
  }

  /// Hands the log's bytes to `each`, as the job printed them.
  /// - Parameters:
  ///   - follows: whether to go on until the job ends.
  ///   - seconds: only what was printed in the last so many seconds, to about one.
  ///   - each: takes the next bytes; where it throws, the run ends.
  public func run(
    _ id: String, follows: Bool, last seconds: Double?, each: @Sendable ([UInt8]) throws -> Void
  ) async throws -> ExitStatus {
    try await JobSearch(context: context, workspace: named, selection: selection).on(id) { found in
      let host = found.session.name
      if follows && !found.status.isOver {
        jobs.begin(id, title: found.status.title, on: found.session, context.hints, isWatched: true)
      }
      defer { jobs.end(id) }
      var due: UInt64? = seconds == nil ? 0 : nil
      var queue = QueuePlace()
      let status = try await JobTailer(id: id, context: context).tail(
        over: Reconnection(found.session, context: context),
        from: seconds.map { .last(seconds: $0) } ?? .byte(0), follows: follows,
        note: { note in
          if let place = queue.take(note) { context.emit(.queued(.init(position: place)), host: host) }
          if let expected = due, note.offset > expected {
            context.emit(.skipped(.init(bytes: note.offset - expected, offset: note.offset)), host: host)
          }
          due = note.offset
        },
        each: { bytes in
          try each(bytes)
          due = due.map { $0 + UInt64(bytes.count) }
        })
      if status.isOver { context.emit(.ended(.init(job: id, state: status.stateForPeople)), host: host) }
      return .success
    }
  }
}

/// The lines and steps in a job's log, as events: what `logs --json` prints.
public struct LogEvents: Sendable {
  private var transcript = BuildTranscript()

  public init() {}

  /// Takes the next bytes of the log.
  public mutating func read(_ bytes: [UInt8]) -> [DeliveryEvent] { transcript.read(bytes).map { DeliveryEvent($0) } }

  /// Takes a last line that was not ended.
  public mutating func finish() -> [DeliveryEvent] { transcript.finish().map { DeliveryEvent($0) } }
}
