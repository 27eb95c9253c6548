// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import Wire

/// Hands a job to its host, once: where the connection breaks before the host has answered, it is asked whether it took it.
struct JobLaunch: Sendable {
  let line: Reconnection
  let context: RunContext

  func start(_ spec: JobSpec) async throws {
    let status: JobStatus
    do {
      status = try await JobClient(line.session.agent).start(spec)
    } catch let error where line.mayRestore(after: error) {
      status = try await find(spec, after: error)
    }
    for warning in status.warnings ?? [] { context.warn(warning, host: line.session.name) }
  }

  private func find(_ spec: JobSpec, after error: any Error) async throws -> JobStatus {
    let unknown = "whether it took job \(spec.id) is not known"
    do {
      try await line.restore(after: error)
      return try await line.persist { try await JobClient($0.agent).status(spec.id) }
    } catch let failure as ServiceFailure where failure.job == .noSuchJob {
      var failure = DeliveryError(error, host: line.session.name)
      failure.leftBehind = "the job was not taken: nothing is built there"
      throw failure
    } catch {
      var failure = DeliveryError(error, host: line.session.name)
      failure.leftBehind = unknown
      failure.next = [context.hints.jobs, context.hints.job("attach", spec.id, on: line.session.name)]
      throw failure
    }
  }
}
