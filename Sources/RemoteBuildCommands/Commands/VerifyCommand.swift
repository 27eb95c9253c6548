// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery
internal import SystemPackage

struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Finish the proof of jobs that nobody watched to their end, or check a release again.",
    discussion: """
      With a job's id, or with nothing, it waits for that job, or for all that are pushed and unverified, checks what the
      registry holds against what was built, and lets the other hosts of the run pull it. With an image it checks the
      release that stands in the registry.
      """)

  @Argument(help: ArgumentHelp("A job's id, or an image (IMAGE or IMAGE:TAG).", valueName: "what"))
  var what: [String] = []

  @Option(help: ArgumentHelp("The registry, in place of what remote-build.yaml says.", valueName: "address"))
  var registry: String?

  @Option(help: ArgumentHelp("Certificates that the registry's own is checked against.", valueName: "file"))
  var caFile: String?

  @OptionGroup(title: "Hosts") var hosts: HostOptions
  @OptionGroup(title: "Workspace") var workspace: WorkspaceOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() async throws {
    let session = CommandSession(output: output)
    try await session.run { context, jobs in
      try await VerifyRun(
        context: context, workspace: workspace.path, selection: hosts.selection, what: what,
        registry: registry, certificates: caFile.map { FilePath($0) }, jobs: jobs
      ).run()
    }
  }
}
