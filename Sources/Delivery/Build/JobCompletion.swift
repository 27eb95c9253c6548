// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Jobs
internal import Registry
internal import Vocabulary
internal import Wire

/// What follows a job's end: whether it succeeded, the proof, and the mark on the host that it was given.
struct JobCompletion: Sendable {
  let plan: RunPlan
  let record: BuildRecord
  let registry: RegistryAccess
  let context: RunContext
  /// To the job's host.
  let line: Reconnection
  private var session: HostSession { line.session }

  /// Judges the job, verifies what it pushed, and marks it verified on its host.
  func finish(_ outcome: JobFollower.Outcome) async throws -> VerifiedImage {
    try judge(outcome)
    let release: VerifiedImage
    do {
      release = try await registry.verify(
        plan.build, pushed: outcome.transcript.push.digest, identity: outcome.status.output(DockerBuilder.identityFile))
    } catch {
      var failure = DeliveryError(error, host: plan.host)
      let left = "job \(record.id) on \(plan.host) stays pushed and unverified"
      failure.leftBehind = failure.leftBehind.map { "\($0); \(left)" } ?? left
      failure.next += ["prove it again: \(hint("verify"))", "or, where the registry has lost it: \(hint("dismiss"))"]
      throw failure
    }
    context.emit(.pushed(await pushed(outcome, release)), host: plan.host)
    context.emit(.verified(.init(release, reference: plan.build.reference)))
    do {
      try await line.persist { session in
        let agent = try await session.openAgent()
        defer { Task { await agent.close() } }
        try await JobClient(agent).mark(record.id, verified: release.digest)
      }
    } catch {
      // The proof was given; only the host does not know it yet.
      context.warn(
        "the host was not told that job \(record.id) is verified: \(error). \(hint("verify"))",
        host: plan.host)
    }
    return release
  }

  /// Throws what a person needs to know where the job did not succeed.
  func judge(_ outcome: JobFollower.Outcome) throws {
    let status = outcome.status
    switch status.phase {
    case .pushed, .verified, .dismissed: return
    case .cancelled:
      throw DeliveryError(
        .interrupted, host: plan.host, "job \(record.id) was cancelled", leftBehind: "its log: \(record.log)")
    case .lost:
      throw DeliveryError(
        .failed, host: plan.host,
        "job \(record.id) was lost: the host was restarted, or what watched over the job was killed",
        details: outcome.transcript.lastSaid, leftBehind: "its log as far as it came: \(record.log)", next: [again])
    case .failed: throw failure(outcome)
    default:
      throw DeliveryError(.failed, host: plan.host, "job \(record.id) ended as \(status.phase)")
    }
  }

  private func failure(_ outcome: JobFollower.Outcome) -> DeliveryError {
    let transcript = outcome.transcript
    let log = "the log: \(record.log)"
    if let message = outcome.status.message {
      return DeliveryError(
        .failed, host: plan.host, "job \(record.id) failed: \(message)", details: transcript.lastSaid, leftBehind: log,
        next: DeliveryError.isFullDisk([message]) ? ["make room there, then run again: \(again)"] : [again])
    }
    guard let step = transcript.build.failed else {
      return outcome.status.failedStep == "push"
        ? pushFailure(transcript, log)
        : DeliveryError(
          .failed, host: plan.host, "the build of \(plan.build.image) failed before its first step",
          details: transcript.lastLines, leftBehind: "nothing was pushed; \(log)",
          next: ["mend it and run again: \(again)"])
    }
    let lines = transcript.build.lastLines(of: step.number)
    let isFull = DeliveryError.isFullDisk(lines + transcript.lastLines)
    return DeliveryError(
      .failed, host: plan.host, isFull ? "the disk is full: \(step.name)" : "failed: \(step.name)",
      details: lines.isEmpty ? transcript.lastLines : lines, leftBehind: "nothing was pushed; \(log)",
      next: isFull
        ? ["make room there: \(session.typed("docker builder prune"))"]
        : ["mend it and run again: \(again)"])
  }

  /// The push's reasons are told apart by what Docker prints, since its exit status is 1 for all of them.
  private func pushFailure(_ transcript: BuildTranscript, _ log: String) -> DeliveryError {
    let said = transcript.lastLines.joined(separator: "\n").lowercased()
    let status: ExitStatus =
      ["unauthorized", "denied", "no basic auth", "authentication required"].contains { said.contains($0) }
      ? .authentication
      : ["connection refused", "no such host", "i/o timeout", "tls", "x509", "dial tcp"].contains { said.contains($0) }
        ? .unavailable : .failed
    return DeliveryError(
      status, host: plan.host, "\(plan.build.reference) was built, and could not be pushed from there",
      details: transcript.lastLines.suffix(4),
      leftBehind: "the image in the host's Docker, no tag in the registry; \(log)",
      next: ["run again, the build is cached: \(again)"])
  }

  /// Which of the release's layers were sent, by matching what the push printed against the config's layer digests.
  private func pushed(_ outcome: JobFollower.Outcome, _ release: VerifiedImage) async -> DeliveryEvent.Pushed {
    let push = outcome.transcript.push
    // A figure for people: that it cannot be had is no reason to doubt the release.
    let sent = (try? await registry.size(of: release, layersBeginning: push.sent)) ?? .zero
    return DeliveryEvent.Pushed(
      reference: plan.build.reference, layersSent: push.sent.count, layersPresent: push.present.count, bytesSent: sent,
      seconds: outcome.status.seconds(of: "push"))
  }

  private var again: String { context.hints.build([plan.build.image]) }

  private func hint(_ verb: String) -> String { context.hints.job(verb, record.id, on: session.name) }

  func summary(_ outcome: JobFollower.Outcome) -> String {
    let build = outcome.transcript.build
    return build.executed.isEmpty
      ? "all steps cached" : "\(build.executed.count) of \(build.executed.count + build.cached.count) steps run"
  }
}
