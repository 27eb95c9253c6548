// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Jobs
internal import Registry
internal import RemoteKit
internal import Sync
internal import SystemPackage
internal import Vocabulary
internal import Wire

/// One image, built and pushed by a job on one host, and proven from here.
struct ImageBuild: Sendable {
  let task: ImageTask
  let builder: ImageRun.Candidate
  let registry: RegistryAccess
  let order: BuildOrder
  let context: RunContext
  let jobs: ActiveJobs

  struct Outcome: Sendable {
    var release: VerifiedImage
    /// The record of the build; `nil` where nothing had to be built.
    var record: BuildRecord?
    var isStanding: Bool
    var summary: String
  }

  /// How many builds run at a time on a host whose file does not say.
  private static let defaultMaximum = 2

  /// What is to be done, and the release where nothing has to be, since it stands with the same build key.
  struct Judgement: Sendable {
    var plan: RunPlan
    var standing: VerifiedImage?
  }

  /// Works out the build key and asks the registry what stands under the version. Throws ``DeliveryError`` with
  /// `releaseRefused` where that is something else.
  func judge(pullsOn others: [String]) async throws -> Judgement {
    let plan = RunPlan(
      build: try await buildPlan(), host: builder.name, pullsOn: others, channel: task.channel)
    return Judgement(plan: plan, standing: try await registry.standing(plan.build, replaces: order.replaces))
  }

  /// Builds, pushes and verifies, where the version does not stand already.
  func carryOut(_ judged: Judgement) async throws -> Outcome {
    let plan = judged.plan
    if let release = judged.standing {
      context.emit(.standing(.init(reference: task.reference, buildKey: plan.build.buildKey)))
      context.emit(.verified(.init(release, reference: task.reference)))
      return Outcome(release: release, record: nil, isStanding: true, summary: "stands already")
    }
    let (id, record) = try await start(plan, pushes: true)
    defer { jobs.end(id) }
    let line = Reconnection(builder.session, context: context)
    let outcome = try await JobFollower(id: id, record: record, context: context).follow(over: line)
    jobs.noteOver(id, outcome.status)
    let completion = JobCompletion(plan: plan, record: record, registry: registry, context: context, line: line)
    let release = try await completion.finish(outcome)
    return Outcome(release: release, record: record, isStanding: false, summary: completion.summary(outcome))
  }

  /// Builds, and neither pushes nor verifies.
  func buildOnly() async throws {
    let plan = RunPlan(build: try await buildPlan(), host: builder.name, pullsOn: [])
    let (id, record) = try await start(plan, pushes: false)
    defer { jobs.end(id) }
    let line = Reconnection(builder.session, context: context)
    let outcome = try await JobFollower(id: id, record: record, context: context).follow(over: line)
    jobs.noteOver(id, outcome.status)
    try JobCompletion(plan: plan, record: record, registry: registry, context: context, line: line)
      .judge(outcome)
  }

  /// What goes into the image, down to the digests of what it stands on, and the key of it all.
  private func buildPlan() async throws -> BuildPlan {
    let bases = try await BaseDigests(task: task, builder: builder, registry: registry, context: context).resolve()
    return task.plan(platform: builder.session.platform, baseDigests: bases)
  }

  /// Prepares the slot and hands the job to the host. From here on the build needs no connection.
  private func start(_ plan: RunPlan, pushes: Bool) async throws -> (String, BuildRecord) {
    let id = ULID().description
    let record = BuildRecord(id: id, directories: context.directories)
    let session = builder.session
    async let room: Void = BuilderRoom(docker: builder.docker, session: session, context: context).check()
    let slot = try await SlotClient.prepare(
      task.imageContext, workspace: session.workspace, treeDigest: task.treeDigest, contextDigest: task.contextDigest,
      owner: context.owner, over: session.agent
    ) { [context] holder in
      context.emit(.waiting(.init(owner: holder.owner, since: holder.since)), host: session.name)
    }
    let docker = builder.docker
    let request = DockerBuilder.Request(
      reference: task.reference, context: slot.path, dockerfile: slot.dockerfile, target: task.image.target,
      arguments: task.inputs.arguments, labels: plan.build.labels, secrets: task.image.secrets.map(\.id),
      platform: nil)
    var steps = [
      JobStep(
        name: "build", argv: docker.build(request), environment: DockerBuilder.environment, directory: slot.path,
        outputs: [DockerBuilder.identityFile])
    ]
    if pushes {
      steps.append(
        JobStep(
          name: "push", argv: docker.push(task.reference), environment: DockerBuilder.environment, directory: slot.path)
      )
    }
    let spec = JobSpec(
      id: id, title: task.reference, workspace: session.workspace, owner: context.owner, steps: steps,
      credentials: try await registry.jobCredentials(), secrets: try task.secretEntries(context), holds: [slot.slot],
      plan: pushes ? String(decoding: try FrameConnection.json(plan), as: UTF8.self) : "",
      maxBuilds: session.host.maxBuilds ?? Self.defaultMaximum,
      dockerConfig: true)
    try await room
    try record.create(plan)
    // Noted first: whoever interrupts while the host takes the job has to be told of it.
    jobs.begin(id, title: task.reference, on: session, context.hints)
    do {
      try await JobLaunch(line: Reconnection(session, context: context), context: context).start(spec)
    } catch {
      jobs.end(id)
      throw error
    }
    context.emit(.started(.init(job: id, log: record.log.string)), host: session.name)
    return (id, record)
  }
}
