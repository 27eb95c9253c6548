// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import Sync
internal import Wire

@main enum RemoteBuildAgent {
  static func main() {
    AgentProgram.run(CommandLine.arguments, version: "0.1.0") { table, locks in
      SyncServices.add(to: &table, locks: locks)
    }
  }
}
