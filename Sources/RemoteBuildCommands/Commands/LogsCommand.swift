// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

struct LogsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Print a job's log as its host has it.",
    discussion: """
      Into a file or a pipe the bytes come as the job printed them; on a terminal they are made
      safe to show. Nothing is verified or changed, and an interrupt leaves the job alone.
      """)

  @Argument(help: ArgumentHelp("The job's id, as jobs lists it.", valueName: "job"))
  var job: String

  @Flag(help: "Go on until the job ends.")
  var follow = false

  @Option(
    help: ArgumentHelp(
      "Only what was printed since then, to about a second: a time (2026-01-31T12:00:00Z, or 12:00 here), or how long ago (90s, 10m, 1h30m, 2d).",
      valueName: "time"))
  var since: Since?

  @OptionGroup(title: "Hosts") var hosts: HostOptions
  @OptionGroup(title: "Workspace") var workspace: WorkspaceOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() async throws {
    let session = CommandSession(output: output, isLive: false)
    try await session.run { context, jobs in
      let sink = LogSink(session: session, json: output.json)
      let status = try await LogsRun(
        context: context, workspace: workspace.path, selection: hosts.selection, jobs: jobs
      ).run(job, follows: follow, last: since?.secondsAgo(Date())) { sink.take($0) }
      sink.finish()
      return status
    }
  }
}
