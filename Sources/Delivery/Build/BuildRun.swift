// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import RemoteKit
internal import Sync
public import SystemPackage
internal import Vocabulary

/// `remote-build IMAGE…`: syncs the workspace to the hosts, builds each image once, in the order in which they stand on
/// one another, pushes, verifies, and lets the other hosts pull what was verified.
public struct BuildRun: Sendable {
  let context: RunContext
  let named: FilePath?
  let selection: HostSelection
  let order: BuildOrder
  let jobs: ActiveJobs

  public init(
    context: RunContext, workspace: FilePath?, selection: HostSelection, order: BuildOrder, jobs: ActiveJobs
  ) {
    self.context = context
    named = workspace
    self.selection = selection
    self.order = order
    self.jobs = jobs
  }

  /// Runs to the end. Throws ``DeliveryError`` for what stops the whole run before a host's part in it began; what goes
  /// wrong on a host is emitted, and in the status.
  public func run() async throws -> ExitStatus {
    let workspace = try LocalWorkspace.open(named, context: self.context, needsProject: true)
    let context = self.context.withholding(secretsOf: workspace.project?.images ?? [])
    let inventory = try Fleet.inventory(of: workspace, context: context)
    let planner = try ImagePlanner(workspace: workspace, order: order, context: context)
    let images = try planner.images()
    let hosts = try HostChoice(inventory: inventory, selection: selection).hosts(for: images)

    // The handshake's round trips and the scan's reads need nothing from one another.
    async let connecting =
      order.isDry
      ? Fleet(sessions: [], failures: [:], names: hosts.all.map(\.name))
      : Fleet.connect(
        hosts.all, workspace: workspace, selection: selection, sync: order.sync, context: context)
    let tasks: [ImageTask]
    let scan: Scan
    do {
      scan = try await workspace.scan(context: context)
      tasks = try await planner.tasks(scan)
    } catch {
      await connecting.close()
      throw error
    }
    var fleet = await connecting
    for task in tasks {
      context.emit(
        .planned(
          .init(
            image: task.image.name, version: task.tag, reference: task.reference,
            hosts: hosts.of(task.image.name).map(\.name), platform: nil, bases: task.inputs.bases)))
    }
    guard !order.isDry else { return .success }
    await fleet.sync(scan, of: workspace, order: order.sync, context: context)

    var statuses: [ExitStatus] = []
    var withoutRelease: Set<String> = []
    for task in tasks {
      if let base = task.ownBases.values.map(\.image).sorted().first(where: withoutRelease.contains) {
        let failure = DeliveryError(
          .failed, "\(task.image.name) was not built, for it stands on \(base)",
          leftBehind: "nothing was built or pushed",
          next: ["mend \(base), then run again: remote-build \(base) \(task.image.name)"])
        context.emit(.failed(failure))
        statuses.append(failure.status)
        withoutRelease.insert(task.image.name)
        continue
      }
      let run = ImageRun(
        task: task, hosts: hosts.of(task.image.name).map(\.name), isNamed: hosts.areNamed(task.image.name),
        fleet: fleet, order: order, context: context, jobs: jobs)
      let (status, hasRelease) = await run.run()
      statuses.append(status)
      if !hasRelease { withoutRelease.insert(task.image.name) }
    }
    await fleet.close()
    return ExitStatus.worst(statuses)
  }
}
