// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary

@testable import Jobs

#if canImport(Glibc)
  import Glibc
#endif

/// The agent as hosts get it: `scripts/build-agent` has made it before these tests run.
@Suite struct StaticAgentTests {
  private static var agent: FilePath {
    let package = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
    let architecture = Platform(machine: Kernel.machine).architecture
    return package.appending(".build-agent/agents/linux-\(architecture)")
  }

  @Test(.enabled(if: geteuid() == 0, "only root may chroot and mount"))
  func itRunsWhereThereIsNothingButProc() throws {
    let agent = Self.agent
    try #require(SmallFile.exists(agent), "build it first: scripts/build-agent \(agent)")
    var template = Array("/tmp/remote-build-chroot.XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let root = FilePath(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    defer { SmallFile.removeTree(root) }
    let proc = root.appending("proc")
    mkdir(proc.string, 0o555)
    // By another process: a file that this one holds open for writing, or a child that it starts at the same moment, could
    // not be started ("Text file busy").
    try #require(try Self.run(["cp", agent.string, root.appending("agent").string], input: []).status == 0)
    try #require(mount("proc", proc.string, "proc", 0, nil) == 0)
    defer { umount2(proc.string, CInt(MNT_DETACH)) }

    let version = try Self.run(["chroot", root.string, "/agent", "--version"], input: [])
    #expect(version.status == 0)
    #expect(version.text.hasPrefix("remote-build-agent "))
    // Says hello, sees the end of its input, and ends.
    let served = try Self.run(["chroot", root.string, "/agent"], input: [])
    #expect(served.status == 0)
    #expect(served.text.contains("\"machine\":\"\(Kernel.machine)\""))
  }

  private static func run(_ argv: [String], input: [UInt8]) throws -> (status: Int32, text: String) {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["-i", "HOME=/", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"] + argv
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    try process.run()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
  }
}
