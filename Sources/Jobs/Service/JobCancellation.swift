// SPDX-License-Identifier: Apache-2.0

internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Ends a job with everything that it runs.
struct JobCancellation {
  let job: JobDirectory

  /// Returns when the job is over.
  func cancel() async throws -> JobStatus {
    let watch = try JobWatch(job)
    var status = try job.status()
    if status.phase == .lost { endOrphans(of: status) }
    guard !status.isOver, let supervisor = status.supervisor else { return status }
    _ = ProcessDescriptor.signal(supervisor, SIGTERM)
    // The supervisor kills what does not end within its grace; if it does not do even that, it is killed itself.
    let deadline = monotonicSeconds() + 3 * Supervisor.grace
    var isKilled = false
    while true {
      status = try job.status()
      if status.isOver { break }
      if monotonicSeconds() > deadline && !isKilled {
        _ = ProcessDescriptor.signal(supervisor, SIGKILL)
        isKilled = true
      }
      _ = await watch.wait(status, seconds: 1)
    }
    if status.phase == .lost { endOrphans(of: status) }
    return status
  }

  /// What a supervisor that was killed left running.
  private func endOrphans(of status: JobStatus) {
    for process in status.steps.compactMap(\.process) where process.isRunning { kill(-process.pid, SIGKILL) }
  }
}
