// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery

struct AttachCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attach", abstract: "Follow a job from where its log was last seen here, and verify what it pushed.",
    discussion: """
      Works from any machine that reaches the host; one that has not seen the job begins with its
      log's first byte. Ctrl-C on a terminal detaches again, and twice asks whether to cancel;
      without a terminal an interrupt cancels.
      """)

  @Argument(help: ArgumentHelp("The job's id, as jobs lists it.", valueName: "job"))
  var job: String

  @OptionGroup(title: "Hosts") var hosts: HostOptions
  @OptionGroup(title: "Workspace") var workspace: WorkspaceOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() async throws {
    let session = CommandSession(output: output)
    try await session.run { context, jobs in
      try await VerifyRun(
        context: context, workspace: workspace.path, selection: hosts.selection, what: [job], jobs: jobs, attaches: true
      ).run()
    }
  }
}
