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
    self.context = context.hinting(selection, workspace, order)
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

    let start = ContinuousClock.now
    let planning = Task {
      let scan = try await workspace.scan(context: context)
      let tasks = try await planner.tasks(scan)
      planner.nameHeldBack(tasks)
      for task in tasks {
        context.emit(
          .planned(
            .init(
              image: task.image.name, version: task.tag, reference: task.reference,
              hosts: hosts.of(task.image.name).map(\.name), platform: nil, bases: task.inputs.bases)))
      }
      return (scan, tasks)
    }
    // The handshake's round trips and the scan's reads need nothing from one another.
    let arrivals = Arrivals(
      order.isDry ? [] : hosts.all, workspace: workspace, selection: selection, order: order.sync, context: context
    ) { try await planning.value.0 }
    let tasks: [ImageTask]
    do {
      tasks = try await planning.value.1
    } catch {
      await arrivals.close()
      throw error
    }
    guard !order.isDry else { return .success }

    var statuses: [ExitStatus] = []
    var withoutRelease: Set<String> = []
    for task in tasks {
      if let base = task.ownBases.values.map(\.image).sorted().first(where: withoutRelease.contains) {
        let failure = DeliveryError(
          .failed, "\(task.image.name) was not built, for it stands on \(base)",
          leftBehind: "nothing was built or pushed",
          next: ["mend \(base), then run again: \(context.hints.build([base, task.image.name]))"])
        context.emit(.failed(failure))
        statuses.append(failure.status)
        withoutRelease.insert(task.image.name)
        continue
      }
      let run = ImageRun(
        task: task, hosts: hosts.of(task.image.name).map(\.name), isNamed: hosts.areNamed(task.image.name),
        arrivals: arrivals, order: order, workspace: workspace, selection: selection, context: context, jobs: jobs)
      // The first has waited for the hosts too.
      let (status, hasRelease) = await run.run(since: statuses.isEmpty ? start : .now)
      statuses.append(status)
      if !hasRelease { withoutRelease.insert(task.image.name) }
    }
    await arrivals.close()
    return ExitStatus.worst(statuses)
  }
}
