// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery

struct DismissCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dismiss",
    abstract: "Say that nobody will verify what a job pushed, so that verify asks for it no more.",
    discussion: """
      For a job that is pushed and unverified and whose push the registry has lost. Its log and
      status stay; what it pushed, if anything is there, is left alone.
      """)

  @Argument(help: ArgumentHelp("Jobs' ids, as jobs lists them.", valueName: "job"))
  var ids: [String]

  @OptionGroup(title: "Hosts") var hosts: HostOptions
  @OptionGroup(title: "Workspace") var workspace: WorkspaceOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() async throws {
    let session = CommandSession(output: output)
    try await session.run { context, _ in
      try await JobsRun(context: context, workspace: workspace.path, selection: hosts.selection).dismiss(ids)
    }
  }
}
