// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Jobs
internal import Registry
internal import RemoteKit
public import SystemPackage
internal import Vocabulary
internal import Wire

/// `remote-build verify` and `attach`: follows jobs to their end, and gives the proof that their own client could not;
/// or checks a release that stands in the registry.
public struct VerifyRun: Sendable {
  let context: RunContext
  let named: FilePath?
  let selection: HostSelection
  /// Jobs' ids, or images; nothing: all jobs that are pushed and unverified.
  let what: [String]
  private let jobs: ActiveJobs
  /// Whether an interrupt may end the jobs that are followed, as their own client's does.
  private let attaches: Bool
  /// The registry that the command line names, with its certificates.
  private let registry: ProjectRegistry?

  public init(
    context: RunContext, workspace: FilePath?, selection: HostSelection, what: [String], registry: String? = nil,
    certificates: FilePath? = nil, jobs: ActiveJobs = ActiveJobs(), attaches: Bool = false
  ) {
    self.jobs = jobs
    self.attaches = attaches
    self.registry = registry.map { ProjectRegistry(address: $0, caFile: certificates) }
    self.context = context.hinting(selection, workspace)
    named = workspace
    self.selection = selection
    self.what = what
  }

  public func run() async throws -> ExitStatus {
    let workspace = try LocalWorkspace.open(named, context: context, needsProject: false)
    let names = Set((workspace.project?.images ?? []).map(\.name))
    let images = what.filter { names.contains(String($0.prefix { $0 != ":" })) }
    let jobs = what.filter { !images.contains($0) }
    var statuses: [ExitStatus] = []
    for image in images { statuses.append(try await verifyRelease(image, workspace)) }
    if !jobs.isEmpty || images.isEmpty { statuses.append(try await finishJobs(jobs, workspace)) }
    return ExitStatus.worst(statuses)
  }

  // MARK: A release in the registry

  private func verifyRelease(_ what: String, _ workspace: LocalWorkspace) async throws -> ExitStatus {
    let parts = what.split(separator: ":", maxSplits: 1).map(String.init)
    let order = BuildOrder(
      images: [parts[0]], version: parts.count > 1 ? parts[1] : nil, registry: registry?.address,
      certificates: registry?.caFile)
    let planner = try ImagePlanner(workspace: workspace, order: order, context: context)
    let scan = try await workspace.scan(context: context)
    guard let task = try await planner.tasks(scan).first else { return .success }
    let registry = try RegistryAccess(task.registry, context: context)
    try await registry.check(repository: task.repository)
    let release = try await registry.verify(repository: task.repository, tag: task.tag)
    context.emit(.verified(.init(release, reference: task.reference)))
    return .success
  }

  // MARK: Jobs on hosts

  private func finishJobs(_ ids: [String], _ workspace: LocalWorkspace) async throws -> ExitStatus {
    let inventory = try Fleet.inventory(of: workspace, context: context)
    let choice = HostChoice(inventory: inventory, selection: selection.onHosts(of: ids, context))
    let fleet = await Fleet.connect(
      try choice.hosts(), workspace: workspace, selection: selection, context: context)
    defer { Task { await fleet.close() } }
    var statuses = fleet.failures.values.map(\.status)
    var found: Set<String> = []
    let lists = await fleet.jobs(context)
    statuses += lists.values.compactMap(\.failure).map(\.status)
    for session in fleet.sessions {
      for job in (try? lists[session.name]?.get()) ?? [] {
        guard ULID.isValid(job.id), !job.plan.isEmpty else { continue }
        guard ids.isEmpty ? job.needsProof || !job.isOver : ids.contains(job.id) else {
          continue
        }
        found.insert(job.id)
        statuses.append(await finish(job, on: session, fleet, workspace, inventory: inventory))
      }
    }
    for id in ids where !found.contains(id) {
      // Where a host could not be asked, the job may well be there.
      throw DeliveryError(
        ExitStatus.worst(statuses.isEmpty ? [.usage] : statuses),
        "no job \(id) on \(fleet.sessions.map(\.name).joined(separator: ", "))",
        next: [context.hints.jobs, "or name its host: --host NAME"])
    }
    if ids.isEmpty && found.isEmpty && statuses.isEmpty { context.warn("no job is pushed and unverified") }
    return ExitStatus.worst(statuses)
  }

  private func finish(
    _ job: JobStatus, on session: HostSession, _ fleet: Fleet, _ workspace: LocalWorkspace, inventory: Inventory
  ) async -> ExitStatus {
    do {
      let record = BuildRecord(id: job.id, directories: context.directories)
      let plan = try record.plan() ?? trusted(FrameConnection.decode(RunPlan.self, Array(job.plan.utf8)), workspace)
      if record.plan() == nil { try record.create(plan) }
      let registry = try RegistryAccess(plan.build.registry, context: context)
      if !job.isOver { jobs.begin(job.id, title: job.title, on: session, context.hints, isWatched: !attaches) }
      defer { jobs.end(job.id) }
      context.emit(.started(.init(job: job.id, log: record.log.string)), host: session.name)
      let line = Reconnection(session, context: context)
      let outcome = try await JobFollower(id: job.id, record: record, context: context).follow(over: line)
      jobs.noteOver(job.id, outcome.status)
      let release = try await JobCompletion(
        plan: plan, record: record, registry: registry, context: context, line: line
      ).finish(outcome)
      let pulled = try await pull(release.digest, plan, registry, workspace, inventory)
      try await promote(release, plan, registry, workspace, open: session)
      return pulled
    } catch {
      let failure = DeliveryError(error, host: session.name)
      context.emit(.failed(failure), host: failure.host)
      return failure.status
    }
  }

  /// A plan that only the host has: its registry is taken at our own word, not the host's, for it is given credentials.
  private func trusted(_ plan: RunPlan, _ workspace: LocalWorkspace) throws -> RunPlan {
    let address = plan.build.registry.address
    let known = [registry, workspace.project?.registry].compactMap(\.self)
    guard let own = known.first(where: { $0.address == address }) else {
      throw DeliveryError(
        .usage, host: plan.host, "the job pushed to \(address), which is not this workspace's registry",
        leftBehind: "the job stays unverified",
        next: ["if you trust that registry: \(context.hints.verify(registry: address))"])
    }
    var plan = plan
    plan.build.registry = own
    return plan
  }

  /// Moves the channel as the run would have, where the workspace says so too: the plan may be the host's word alone.
  private func promote(
    _ release: VerifiedImage, _ plan: RunPlan, _ registry: RegistryAccess, _ workspace: LocalWorkspace,
    open session: HostSession
  ) async throws {
    guard let channel = plan.channel, let project = workspace.project, channel == project.channel,
      project[plan.build.image] != nil, plan.build.repository == "\(project.owner ?? "")/\(plan.build.image)"
    else { return }
    try await BuildPromotion(
      image: plan.build.image, repository: plan.build.repository, tag: plan.build.tag, channel: channel,
      registry: registry, workspace: workspace, selection: selection, context: context, jobs: jobs
    ).run(release, isStanding: false, isLate: true, open: session)
  }

  /// The pulls of the run that its own client did not come to.
  private func pull(
    _ digest: Digest, _ plan: RunPlan, _ registry: RegistryAccess, _ workspace: LocalWorkspace, _ inventory: Inventory
  ) async throws -> ExitStatus {
    guard !plan.pullsOn.isEmpty else { return .success }
    let hosts = try plan.pullsOn.map { try inventory.host(named: $0) }
    let fleet = await Fleet.connect(hosts, workspace: workspace, selection: selection, context: context)
    defer { Task { await fleet.close() } }
    let found = await Fleet.each(fleet.sessions.map { ($0.name, $0) }, context: context) { session in
      ImageRun.Candidate(session: session, docker: try await DockerBuilder.detect(on: session))
    }
    let pulls = await ImagePull(
      reference: plan.build.reference, repository: "\(plan.build.registry.address)/\(plan.build.repository)",
      digest: digest, registry: registry, context: context
    ).run(on: found.values.compactMap { try? $0.get() })
    let failures =
      Array(fleet.failures.values) + found.values.compactMap(\.failure) + pulls.values.compactMap(\.failure)
    return ExitStatus.worst(failures.map(\.status))
  }
}

extension HostSelection {
  /// The hosts of the command line; where it names none, those that this laptop's records of the jobs name.
  func onHosts(of jobs: [String], _ context: RunContext) -> HostSelection {
    var selection = self
    guard names.isEmpty, !jobs.isEmpty else { return selection }
    let plans = jobs.compactMap { BuildRecord(id: $0, directories: context.directories).plan() }
    if plans.count == jobs.count { selection.names = plans.map(\.host) }
    return selection
  }
}
