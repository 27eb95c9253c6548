// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import Wire

extension JobsRun {
  /// Stops a job and all that it started, on the host and in the builder. One that was cancelled before is no error.
  public func cancel(_ id: String) async throws -> ExitStatus {
    try await search.on(id, isAnnounced: true) { found in
      let host = found.session.name
      var status = found.status
      let wasOver = status.isOver && status.phase != .lost
      guard !wasOver || status.phase == .cancelled else {
        throw DeliveryError(.usage, host: host, "job \(id) is over: \(status.stateForPeople)")
      }
      if !wasOver { status = try await JobClient(found.session.agent).cancel(id) }
      guard status.phase == .cancelled || status.phase == .lost else {
        throw DeliveryError(
          .usage, host: host, "job \(id) was over before it could be cancelled: \(status.stateForPeople)")
      }
      context.emit(
        .ended(.init(job: id, state: status.stateForPeople, leftBehind: Self.leftBehind(status))), host: host)
      return .success
    }
  }

  /// Notes that a job is done with though nobody can verify what it pushed, so that `verify` asks for it no more.
  public func dismiss(_ ids: [String]) async throws -> ExitStatus {
    var statuses: [ExitStatus] = []
    for id in ids {
      do {
        try await search.on(id) { found in
          do {
            let status = try await JobClient(found.session.agent).dismiss(id)
            context.emit(.ended(.init(job: id, state: status.stateForPeople)), host: found.session.name)
          } catch let failure as ServiceFailure where failure.job == .jobRunning || failure.job == .jobUnsuccessful {
            throw DeliveryError(
              .usage, host: found.session.name, failure.message, leftBehind: "the job is as it was",
              next: failure.job == .jobRunning ? [context.hints.job("cancel", id, on: found.session.name)] : [])
          }
        }
      } catch {
        let failure = DeliveryError(error, host: nil)
        context.emit(.failed(failure), host: failure.host)
        statuses.append(failure.status)
      }
    }
    return ExitStatus.worst(statuses)
  }

  /// A push that is broken off leaves what had arrived by then; a tag is written last of all.
  private static func leftBehind(_ status: JobStatus) -> String? {
    switch status.step {
    case "push":
      "it was pushing: layers, and half of one, may lie in the registry until that clears them away; "
        + "no tag names them unless the push was through"
    case "build": "what the builder had cached stays"
    default: nil
    }
  }
}
