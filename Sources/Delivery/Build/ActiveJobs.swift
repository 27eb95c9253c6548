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
  }

  private struct Entry {
    var job: Job
    var session: HostSession
  }

  private let entries = Mutex<[String: Entry]>([:])

  public init() {}

  public var jobs: [Job] { entries.withLock { $0.values.map(\.job).sorted { $0.id < $1.id } } }

  func begin(_ id: String, title: String, on session: HostSession) {
    entries.withLock { $0[id] = Entry(job: Job(id: id, host: session.name, title: title), session: session) }
  }

  func end(_ id: String) { entries.withLock { $0[id] = nil } }

  /// Cancels all of them, and returns those that could not be reached.
  public func cancelAll() async -> [Job] {
    let all = entries.withLock { Array($0.values) }
    return await withTaskGroup(of: Job?.self) { group in
      for entry in all {
        group.addTask {
          do {
            let agent = try await entry.session.openAgent()
            try await JobClient(agent).cancel(entry.job.id)
            await agent.close()
            return nil
          } catch {
            return entry.job
          }
        }
      }
      return await group.reduce(into: []) { unreached, job in if let job { unreached.append(job) } }
    }
  }
}
