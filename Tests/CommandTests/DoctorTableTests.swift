// SPDX-License-Identifier: Apache-2.0

import Delivery
import Foundation
import Testing
import Vocabulary

@testable import Delivery
@testable import RemoteBuildCommands

@Suite struct DoctorTableTests {
  private var examination: Examination {
    Examination(
      host: "ml-1",
      checks: [
        .pass(.name, "deploy at 10.0.0.4, port 2222"),
        .pass(.reach, "connected, logged in, and an agent answers, in 71 ms"),
        .warn(
          .shell,
          "the start files of /bin/bash print 20 bytes into a session without a terminal, as of scp and rsync: "
            + "“\u{1b}]0;x\u{7}Welcome”", mend: "let the start file end at once where no terminal is there"),
        .fail(
          .socket, .unavailable, "deploy may not use Docker: no permission on /var/run/docker.sock",
          mend: [
            "sudo usermod -aG docker deploy, then log in anew (that makes the user root in effect)",
            "ls -l /var/run/docker.sock shows its group and mode",
          ]),
      ], seconds: 0.71)
  }

  @Test(arguments: [80, 120]) func tables(_ columns: Int) throws {
    let style = Style(colours: true, home: "/home/ada")
    let lines = ExaminationTable(examination).lines(style, columns: columns)
    #expect(lines.allSatisfy { TextWidth.columns($0) <= columns })
    try assertSnapshot(lines.joined(separator: "\n"), "doctor-\(columns)")
  }

  @Test func inAPipeALineIsALine() throws {
    let lines = ExaminationTable(examination).lines(Style(), columns: nil)
    #expect(lines.count == 8)
    try assertSnapshot(lines.joined(separator: "\n"), "doctor-pipe")
  }

  @Test(arguments: [80, 120]) func inventories(_ columns: Int) throws {
    let rows = [
      HostRow(
        host: "ml-1", file: "/home/ada/.config/remote-build/hosts/ml-1.yaml", address: "deploy@ml-1.example.com:2222",
        state: .ready, platforms: [Platform(architecture: "amd64")], roles: ["build", "run"],
        builder: "docker 28.2.2", maxBuilds: 2, running: 1, queued: 3, free: ByteCount(48_000_000_000)),
      HostRow(
        host: "old", file: "/srv/work/hosts/old.yaml", address: "old", state: .unreachable,
        reason: "cannot connect to old port 22: Connection refused", platforms: [], roles: [], maxBuilds: 2,
        status: .unavailable),
      HostRow(
        host: "\u{1b}[2Jevil", address: "e", state: .noBuilder, reason: "nothing named docker is on its PATH",
        platforms: [Platform(architecture: "arm64")], roles: [], maxBuilds: 4, running: 0, queued: 0,
        free: ByteCount(100_000_000), status: .unavailable),
    ]
    let lines = InventoryTable(rows).lines(Style(colours: true, home: "/home/ada"), columns: columns)
    #expect(lines.allSatisfy { TextWidth.columns($0) <= columns })
    try assertSnapshot(lines.joined(separator: "\n"), "hosts-\(columns)")
  }

  @Test func prunes() throws {
    let rows = [
      PruneRow(.agents, names: ["9f2c41d0aaaa"], size: ByteCount(19_000_000), isDone: false).on("ml-1"),
      PruneRow(
        .images, names: ["r.test/o/app:v1", "r.test/o/app:v2", "r.test/o/app:v3", "r.test/o/app:v4"],
        size: ByteCount(2_100_000_000), isDone: true, note: "1 left: in use"
      ).on("ml-1"),
      PruneRow(
        .images, names: [], size: .zero, isDone: false, note: "left alone: 1 of your jobs run or wait there"
      ).on("ml-2"),
      PruneRow(.records, names: ["01J\u{1b}[2J"], size: ByteCount(812), isDone: true),
    ]
    let lines = rows.map { PruneLine($0).text(Style(colours: true), columns: 100) }
    #expect(lines.allSatisfy { TextWidth.columns($0) <= 100 })
    try assertSnapshot(lines.joined(separator: "\n"), "prune")
  }

  @Test func asJSON() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let lines = try examination.checks.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
    try assertSnapshot(lines.joined(separator: "\n"), "doctor-json")
  }
}
