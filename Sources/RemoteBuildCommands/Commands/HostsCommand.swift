// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery

struct HostsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hosts", abstract: "List the hosts of the inventory and how they stand, or add one.",
    subcommands: [HostsListCommand.self, HostsAddCommand.self], defaultSubcommand: HostsListCommand.self)
}

struct HostsListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the hosts of the inventory and how they stand. The default.",
    discussion: "All hosts are asked side by side, each for ten seconds at most.")

  @OptionGroup(title: "Hosts") var hosts: HostOptions
  @OptionGroup(title: "Workspace") var workspace: WorkspaceOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() async throws {
    let session = CommandSession(output: output)
    try await session.run { context, _ in
      let (rows, status) = try await HostsRun(
        context: context, workspace: workspace.path, selection: hosts.selection
      ).list()
      if output.json {
        for row in rows { session.data(row) }
      } else {
        let terminal = session.console.terminal
        let home = terminal.outputStyle
        InventoryTable(rows).lines(home, columns: terminal.outputColumns).forEach(session.console.out)
      }
      return status
    }
  }
}

struct HostsAddCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Look at a host as doctor does, and write its file where nothing failed.",
    discussion: """
      The file goes to hosts/NAME.yaml in the workspace, or with --user to ~/.config/remote-build/hosts/. One that is \
      there is replaced only after asking on the terminal. To remove a host, remove its file.
      """)

  @Argument(help: "The host's name, as --host will take it.")
  var name: String

  @Argument(help: ArgumentHelp("A name for ssh, user@address[:port], or user@[v6]:port.", valueName: "address"))
  var address: String

  @Flag(help: "Write it to the user's own hosts, in place of the workspace's.")
  var user = false

  @Option(name: .customLong("role"), help: ArgumentHelp("A role of the host. May be repeated.", valueName: "name"))
  var roles: [String] = ["build"]

  @Flag(help: "Write it though a check failed.")
  var force = false

  @OptionGroup(title: "Hosts") var hosts: HostOptions
  @OptionGroup(title: "Workspace") var workspace: WorkspaceOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() async throws {
    let session = CommandSession(output: output)
    try await session.run { context, _ in
      let addition = HostAddition(
        context: context, workspace: workspace.path, selection: hosts.selection, name: name, address: address,
        roles: roles, isUsers: user, isForced: force)
      let path = try await addition.run { session.show($0, json: output.json) }.get()
      if !output.json { session.console.say("\(name) stands in \(path)") }
      return .success
    }
  }
}
