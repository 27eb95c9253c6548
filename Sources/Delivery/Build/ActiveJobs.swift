// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import Synchronization
internal import Wire

/// The jobs that a run has under way on hosts, so that whoever interrupts the run can say what goes on, or end it.
public final class ActiveJobs: Sendable {
  public struct Job: Sendable, Hashable {
    public var id: String
    public var host: String
    public var title: String
    /// What to type to get back to it, and to end it.
    public var attach: String
    public var cancel: String
  }

  /// What came of a cancellation.
  public enum End: Sendable, Hashable {
    case cancelled(Job)
    /// It had ended otherwise before, with its state for people.
    case over(Job, String)
    /// It could not be told to end.
    case unreached(Job)
    /// The run only looked on, and left it alone.
    case watched(Job)
  }

  private struct Entry {
    var job: Job
    var session: HostSession
    var isWatched: Bool
  }

  private struct State {
    var entries: [String: Entry] = [:]
    /// How jobs ended, as far as this run saw it.
    var ends: [String: JobStatus] = [:]
    /// How many moves of channels are under way.
    var moves = 0
  }

  private let state = Mutex(State())

  public init() {}

  public var jobs: [Job] { state.withLock { $0.entries.values.map(\.job).sorted { $0.id < $1.id } } }

  /// - Parameter isWatched: whether the run only looks on, and has no say about the job.
  func begin(
    _ id: String, title: String, on session: HostSession, _ hints: CommandHints, isWatched: Bool = false
  ) {
    let job = Job(
      id: id, host: session.name, title: title, attach: hints.job("attach", id, on: session.name),
      cancel: hints.job("cancel", id, on: session.name))
    state.withLock { $0.entries[id] = Entry(job: job, session: session, isWatched: isWatched) }
  }

  /// Whether channels are being moved at this moment: whoever interrupts then is made to wait, or to ask twice.
  public var isMoving: Bool { state.withLock { $0.moves > 0 } }

  /// Does what should not be cut off in the middle.
  func whileMoving<Value>(_ body: () async throws -> Value) async rethrows -> Value {
    state.withLock { $0.moves += 1 }
    defer { state.withLock { $0.moves -= 1 } }
    return try await body()
  }

  /// Notes how a job ended: who cancels it at this moment may be told nothing more by its host.
  func noteOver(_ id: String, _ status: JobStatus) { state.withLock { $0.ends[id] = status } }

  func end(_ id: String) { state.withLock { $0.entries[id] = nil } }

  /// Cancels all of them but those that are only watched, and says what came of each.
  public func cancelAll() async -> [End] {
    let all = state.withLock { Array($0.entries.values) }
    return await withTaskGroup(of: End.self) { group in
      for entry in all {
        group.addTask {
          guard !entry.isWatched else { return .watched(entry.job) }
          do {
            return Self.end(entry.job, try await Self.cancel(entry))
          } catch {
            // The run saw the end meanwhile, and has closed the connection.
            let seen = self.state.withLock { $0.ends[entry.job.id] }
            return seen.map { Self.end(entry.job, $0) } ?? .unreached(entry.job)
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
  }

  /// On the session, or where it is broken on a connection of its own.
  private static func cancel(_ entry: Entry) async throws -> JobStatus {
    do {
      let agent = try await entry.session.openAgent()
      defer { Task { await agent.close() } }
      return try await JobClient(agent).cancel(entry.job.id)
    } catch let error where DeliveryError.isBrokenConnection(error) {
      return try await entry.session.onOwnConnection { try await JobClient($0).cancel(entry.job.id) }
    }
  }

  private static func end(_ job: Job, _ status: JobStatus) -> End {
    guard status.isOver else { return .unreached(job) }
    return status.phase == .cancelled ? .cancelled(job) : .over(job, status.stateForPeople)
  }
}
