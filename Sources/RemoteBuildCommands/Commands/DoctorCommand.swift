// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery
internal import SystemPackage

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Look at hosts and the registry, and say what is in the way of a build and how to mend it.",
    discussion: """
      Works without a remote-build.yaml too, with a host's name, user@address[:port], or local. Nothing is left on a \
      host but the agent, which is installed as for any other command. The exit status is 0 unless something failed; a \
      warning is no failure.
      """)

  @Argument(help: ArgumentHelp("Hosts, as --host takes them; without any, all of the inventory.", valueName: "host"))
  var names: [String] = []

  @Option(help: ArgumentHelp("The registry, in place of what remote-build.yaml says.", valueName: "address"))
  var registry: String?

  @Option(help: ArgumentHelp("The owner in the registry, in place of what remote-build.yaml says.", valueName: "name"))
  var owner: String?

  @Option(help: ArgumentHelp("Certificates that the registry's own is checked against.", valueName: "file"))
  var caFile: String?

  @OptionGroup(title: "Hosts") var hosts: HostOptions
  @OptionGroup(title: "Workspace") var workspace: WorkspaceOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() async throws {
    let session = CommandSession(output: output)
    try await session.run { context, _ in
      let run = DoctorRun(
        context: context, workspace: workspace.path, selection: hosts.selection.adding(names), registry: registry,
        owner: owner, certificates: caFile.map { FilePath($0) })
      return try await run.run { session.show($0, json: output.json) }
    }
  }
}

extension HostSelection {
  /// The same with further hosts.
  func adding(_ names: [String]) -> HostSelection {
    var selection = self
    selection.names = names + self.names
    return selection
  }
}

extension CommandSession {
  /// Writes what was found: an object a check, or a table.
  func show(_ examination: Examination, json: Bool) {
    guard !json else {
      for check in examination.checks { data(check) }
      return
    }
    let lines = ExaminationTable(examination).lines(
      console.terminal.outputStyle, columns: console.terminal.outputColumns)
    lines.forEach(console.out)
  }
}
