// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Delivery
import Testing

@testable import RemoteBuildCommands

@Suite struct HelpTests {
  @Test func theProgramsHelp() throws { try assertSnapshot(RemoteBuild.helpMessage(columns: 100), "help") }

  @Test func eachCommandsHelp() throws {
    let commands: [any ParsableCommand.Type] = [
      BuildCommand.self, SyncCommand.self, VerifyCommand.self, JobsCommand.self, AttachCommand.self, CancelCommand.self,
      LogsCommand.self, DismissCommand.self, ReleasesCommand.self, PromoteCommand.self, RollbackCommand.self,
      DoctorCommand.self, HostsCommand.self, HostsAddCommand.self, PruneCommand.self,
    ]
    for command in commands {
      let name = try #require(command.configuration.commandName)
      try assertSnapshot(RemoteBuild.helpMessage(for: command, columns: 100), "help-\(name)")
    }
  }

  @Test func theOldScriptsFivePositionsAreUnderstood() throws {
    let words = ["base-ml", "me@ml-1", "/srv/work", "gitea.example.com", "v1.0.9", "harkon"]
    let command = try #require(try RemoteBuild.parseAsRoot(words) as? BuildCommand)
    let (order, selection) = command.orderAndSelection
    #expect(order.images == ["base-ml"])
    #expect(selection.names == ["me@ml-1"])
    #expect(selection.remoteDirectory == "/srv/work")
    #expect(order.registry == "gitea.example.com")
    #expect(order.version == "v1.0.9")
    #expect(order.owner == "harkon")
  }

  @Test(arguments: [["app", "--progress", "loud"], ["app", "--secret", "nofile"], []])
  func wrongWordsAreUsage(_ words: [String]) {
    do {
      _ = try RemoteBuild.parseAsRoot(words)
      Issue.record("\(words) was taken")
    } catch {
      #expect(RemoteBuild.exitCode(for: error).rawValue == 64)
    }
  }
}
