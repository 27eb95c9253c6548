// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery

struct CancelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Stop a job and all that it started, the builder's work too.")

  @Argument(help: ArgumentHelp("The job's id, as jobs lists it.", valueName: "job"))
  var job: String

  @OptionGroup(title: "Hosts") var hosts: HostOptions
  @OptionGroup(title: "Workspace") var workspace: WorkspaceOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() async throws {
    let session = CommandSession(output: output)
    try await session.run { context, _ in
      try await JobsRun(context: context, workspace: workspace.path, selection: hosts.selection).cancel(job)
    }
  }
}
