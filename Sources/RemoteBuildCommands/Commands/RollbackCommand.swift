// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery

struct RollbackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Move a channel back to the release before, or to one that is named.",
    discussion: """
      Goes to the release that the channel was on before the current one, and repeated, further back; what is broken \
      in the registry is passed over. The target is proven whole before anything moves. Several images move together \
      or not at all.

      Without a channel, the version is put back where the workspace pins it, and the difference shown first.
      """)

  @Argument(
    help: ArgumentHelp(
      "Images of remote-build.yaml; registry/owner/name without a workspace.", valueName: "image"))
  var images: [String]

  @Option(
    help: ArgumentHelp("Where to: a version's tag or a digest, in place of the release before.", valueName: "tag"))
  var to: String?

  @Flag(help: "Roll the services back too that were built on the base image's release that is left.")
  var dependents = false

  @OptionGroup(title: "Plan") var plan: PlanOptions
  @OptionGroup(title: "Registry") var registry: RegistryOptions
  @OptionGroup(title: "Hosts") var hosts: HostOptions
  @OptionGroup(title: "Workspace") var workspace: WorkspaceOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() async throws {
    var order = registry.order(images)
    (order.isDry, order.isAgreed) = (plan.dryRun, plan.yes)
    (order.target, order.includesDependents) = (to, dependents)
    let session = CommandSession(output: output)
    try await session.run { [order] context, jobs in
      try await RollbackRun(
        context: context, workspace: workspace.path, selection: hosts.selection, order: order, jobs: jobs
      ).run()
    }
  }
}
