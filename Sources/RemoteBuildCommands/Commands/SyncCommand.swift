// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery

struct SyncCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sync",
    abstract: "Make the hosts' trees equal to the workspace, and prove it.",
    discussion: "Works without a remote-build.yaml too: what is sent then follows the root's .dockerignore.")

  @Flag(help: "List what would be sent and deleted, and change nothing.")
  var dryRun = false

  @OptionGroup(title: "Sync") var sync: SyncOptions
  @OptionGroup(title: "Hosts") var hosts: HostOptions
  @OptionGroup(title: "Workspace") var workspace: WorkspaceOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() async throws {
    let session = CommandSession(output: output)
    try await session.run { context, _ in
      let run = SyncRun(
        context: context, workspace: workspace.path, selection: hosts.selection, order: sync.order)
      guard dryRun else { return try await run.run() }
      let (changes, status) = try await run.difference()
      for change in changes { session.show(change, json: output.json) }
      return status
    }
  }
}
