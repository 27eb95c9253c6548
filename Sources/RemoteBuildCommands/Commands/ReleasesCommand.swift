// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

struct ReleasesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "releases",
    abstract: "List what stands in the registry, whether it is whole, and the channels on it.",
    discussion:
      "The registry alone is asked, so every laptop sees the same. --log shows who moved what, and from where.")

  @Argument(help: ArgumentHelp("Images, or IMAGE:TAG; all of the workspace where none is named.", valueName: "image"))
  var images: [String] = []

  @Option(help: ArgumentHelp("The most releases of an image that are looked at, the newest.", valueName: "count"))
  var limit = 50

  @Flag(help: "Show the audit log instead: this laptop's, merged with that of the host which gives the leases.")
  var log = false

  @OptionGroup(title: "Registry") var registry: RegistryOptions
  @OptionGroup(title: "Hosts") var hosts: HostOptions
  @OptionGroup(title: "Workspace") var workspace: WorkspaceOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() async throws {
    let session = CommandSession(output: output)
    try await session.run { context, _ in
      let run = ReleasesRun(
        context: context, workspace: workspace.path, selection: hosts.selection, order: registry.order(images),
        limit: limit)
      if log {
        let (entries, status) = try await run.log()
        for entry in entries { session.show(entry, json: output.json) }
        return status
      }
      let (rows, status) = try await run.list()
      if output.json {
        for row in rows { session.show(row, json: true) }
      } else {
        session.show(rows)
      }
      return status
    }
  }
}

extension CommandSession {
  /// Writes releases as a table, as wide as the terminal where there is one.
  fileprivate func show(_ rows: [ReleaseRow]) {
    let terminal = console.terminal
    let isWide = !terminal.outputIsTerminal
    let style = Style(
      colours: terminal.outputIsTerminal && terminal.isCapable && terminal.allowsColours, home: terminal.home)
    let table = ReleaseTable(rows, style: style, now: Date(), width: isWide ? nil : Terminal.size().columns)
    for line in table.lines { console.out(line) }
  }
}
