// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Delivery
internal import Vocabulary

struct PruneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Remove what is ours and no longer needed, on the hosts and on this machine.",
    discussion: """
      Old agents, finished jobs and their logs, slots of images that are gone, what syncs kept aside, images without a tag, \
      releases beyond the newest of each image, and the builder's cache beyond its budget; on this machine old records and \
      trees. What runs, what waits for its proof, what a channel refers to and the versions that remote-build.yaml names \
      stay. It says what would go, and asks.
      """)

  @Argument(help: ArgumentHelp("Hosts, as --host takes them; without any, all of the inventory.", valueName: "host"))
  var names: [String] = []

  @Flag(help: "Say what would be removed, and stop there.")
  var dryRun = false

  @Flag(name: [.long, .customShort("y")], help: "Do not ask.")
  var yes = false

  @Option(help: ArgumentHelp("How many releases of each image stay on a host.", valueName: "count"))
  var keep = 3

  @Option(
    help: ArgumentHelp(
      "What the builder's cache may take on a host, such as 500MB. (default: 10GB)", valueName: "size"),
    transform: Self.size)
  var budget = ByteCount(10_000_000_000)

  @Option(help: ArgumentHelp("Jobs, records and saved files younger than so many days stay.", valueName: "days"))
  var olderThan = 14

  @OptionGroup(title: "Hosts") var hosts: HostOptions
  @OptionGroup(title: "Workspace") var workspace: WorkspaceOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    guard keep >= 1 else { throw ValidationError("--keep is 1 at least: the release that a host runs stays") }
    guard olderThan >= 0 else { throw ValidationError("--older-than is a number of days") }
  }

  func run() async throws {
    let session = CommandSession(output: output)
    try await session.run { context, _ in
      let run = PruneRun(
        context: context, workspace: workspace.path, selection: hosts.selection.adding(names),
        limits: PruneLimits(releases: keep, cache: budget, days: olderThan))
      var isNothing = true
      let status = try await run.run(isDry: dryRun) {
        if yes { return true }
        guard let ask = context.askLine, let answer = await ask("Remove that? [y/N] ") else {
          throw DeliveryError(
            .usage, "nobody is there to be asked", leftBehind: "nothing was removed", next: ["add --yes, or --dry-run"])
        }
        let isMeant = ["y", "yes"].contains(answer.lowercased())
        if !isMeant { session.console.say("nothing was removed") }
        return isMeant
      } show: { row in
        isNothing = false
        guard !output.json else { return session.data(row) }
        let terminal = session.console.terminal
        session.console.out(PruneLine(row).text(terminal.outputStyle, columns: terminal.outputColumns))
      }
      if isNothing && status == .success && !output.json { session.console.say("nothing to remove") }
      return status
    }
  }

  private static func size(_ text: String) throws -> ByteCount {
    guard let size = ByteCount(text) else { throw ValidationError("'\(text)' is not a size, such as 10GB") }
    return size
  }
}
