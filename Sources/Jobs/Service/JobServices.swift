// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Vocabulary
public import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What an agent serves of this room: jobs, short commands, and facts about its host.
public enum JobServices {
  /// Adds the services to an agent's table. Locks that jobs are to hold are taken from `locks`.
  public static func add(to table: inout ServiceTable, locks: HeldLocks) {
    add(to: &table, locks: locks, environment: .current(), executable: "/proc/self/exe")
  }

  /// `executable` is the agent: by default the running program rather than its path, so that the same one supervises
  /// even if the file was replaced.
  static func add(
    to table: inout ServiceTable, locks: HeldLocks, environment: HostEnvironment, executable: String
  ) {
    let store = JobStore(environment)
    table.add(JobCall.start) { (spec: JobSpec, _) in
      try await JobStart(store: store, environment: environment, locks: locks, executable: executable).start(spec)
    }
    table.add(JobCall.tail) { (tail: JobCall.Tail, connection) in
      try await JobTail(job: store.directory(tail.id), connection: connection).run(tail)
    }
    table.add(JobCall.status) { (named: JobCall.Named, _) in try store.status(named.id) }
    table.add(JobCall.list) { (_: Nothing, _) in store.list(limit: 200) }
    table.add(JobCall.cancel) { (named: JobCall.Named, _) in
      try await JobCancellation(job: store.directory(named.id)).cancel()
    }
    table.add(JobCall.mark) { (mark: JobCall.Mark, _) in try self.mark(mark, in: store) }
    table.add(JobCall.dismiss) { (named: JobCall.Named, _) in try dismiss(named.id, in: store) }
    table.add(JobCall.run) { (request: CommandRequest, _) in
      try await CommandRun(request: request, environment: environment, state: store.root).run()
    }
    ReleaseServices.add(to: &table, store: store, locks: locks)
    table.add(JobCall.facts) { (facts: JobCall.Facts, _) in HostFacts(of: facts.path, environment) }
    SurveyServices.add(to: &table, store: store, environment: environment)
  }

  private static func dismiss(_ id: String, in store: JobStore) throws -> JobStatus {
    let job = try store.directory(id)
    var status = try job.status()
    guard status.isOver else { throw ServiceFailure(.jobRunning, "job \(id) has not ended yet") }
    if status.phase == .dismissed { return status }
    guard status.needsProof else {
      throw ServiceFailure(.jobUnsuccessful, "job \(id) waits for no proof: it is \(status.stateForPeople)")
    }
    status.phase = .dismissed
    try job.write(status)
    return status
  }

  private static func mark(_ mark: JobCall.Mark, in store: JobStore) throws -> JobStatus {
    let job = try store.directory(mark.id)
    var status = try job.status()
    guard status.isOver else { throw ServiceFailure(.jobRunning, "job \(mark.id) has not ended yet") }
    guard status.succeeded else {
      throw ServiceFailure(.jobUnsuccessful, "job \(mark.id) ended as \(status.stateForPeople)")
    }
    status.phase = mark.verified ? .verified : .pushed
    status.digest = mark.verified ? mark.digest : nil
    try job.write(status)
    return status
  }
}
