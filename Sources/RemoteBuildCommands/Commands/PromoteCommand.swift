// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery

struct PromoteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "promote",
    abstract: "Move a channel to a release that stands whole in the registry.",
    discussion: """
      Shows which digest the channel leaves and which it goes to, asks, moves it by writing the same manifest under \
      the channel's tag, and reads it back. Several images move together or not at all.
      """)

  @Argument(
    help: ArgumentHelp(
      "IMAGE:TAG, or IMAGE for the version in remote-build.yaml; registry/owner/name[:TAG] without a workspace.",
      valueName: "image"))
  var images: [String]

  @OptionGroup(title: "Plan") var plan: PlanOptions
  @OptionGroup(title: "Registry") var registry: RegistryOptions
  @OptionGroup(title: "Hosts") var hosts: HostOptions
  @OptionGroup(title: "Workspace") var workspace: WorkspaceOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() async throws {
    var order = registry.order(images)
    (order.isDry, order.isAgreed) = (plan.dryRun, plan.yes)
    let session = CommandSession(output: output)
    try await session.run { [order] context, jobs in
      try await PromoteRun(
        context: context, workspace: workspace.path, selection: hosts.selection, order: order, jobs: jobs
      ).run()
    }
  }
}
