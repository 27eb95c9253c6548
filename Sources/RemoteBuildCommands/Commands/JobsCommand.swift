// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery

struct JobsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "List the jobs on the hosts, the newest first.")

  @OptionGroup(title: "Hosts") var hosts: HostOptions
  @OptionGroup(title: "Workspace") var workspace: WorkspaceOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() async throws {
    let session = CommandSession(output: output)
    try await session.run { context, _ in
      let jobs = JobsRun(context: context, workspace: workspace.path, selection: hosts.selection)
      let (rows, status) = try await jobs.list()
      for row in rows { session.show(row, json: output.json) }
      return status
    }
  }
}
