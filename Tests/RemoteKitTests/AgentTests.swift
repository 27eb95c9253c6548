// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Wire

@testable import RemoteKit

@Suite struct AgentTests {
  private func installAgent(_ server: Sshd, version: String = "1", size: Int = 400_000) throws {
    try StandInAgent.install(into: FilePath(server.path("agents")), version: version, size: size)
  }

  private func installed(_ server: Sshd) throws -> [String] {
    let root = server.path("home/.cache/remote-build/agents")
    return try FileManager.default.contentsOfDirectory(atPath: root).sorted()
  }

  private func check(_ agent: AgentConnection) async throws {
    try await agent.frames.send(Frame(kind: 20, payload: Array(repeating: 5, count: 100_000)))
    #expect(try await agent.frames.receive()?.payload.count == 100_000)
  }

  @Test(arguments: Sshd.Kind.here, Host.Transport.allCases)
  func isInstalledOnceAndFoundAgain(_ kind: Sshd.Kind, _ transport: Host.Transport) async throws {
    try await Sshd.with(kind) { server in
      try installAgent(server)
      let connection = try await HostConnection.connect(
        host: server.host(transport), options: server.options())
      let first = try await connection.openAgent()
      #expect(first.hello.version == "1")
      try await check(first)
      let names = try installed(server)
      #expect(names.count == 1)
      let file = server.path("home/.cache/remote-build/agents/\(names[0])/remote-build-agent")
      let inode =
        try FileManager.default.attributesOfItem(atPath: file)[.systemFileNumber] as? UInt64
      // A second one beside it, over the same connection, from the same file.
      let second = try await connection.openAgent(bulk: true)
      try await check(second)
      var said = ""
      // What it said comes by another way than its answer, and perhaps later.
      while said.isEmpty {
        said = await second.diagnostics()
        await Task.yield()
      }
      #expect(said == "started\n")
      try await check(first)
      #expect(
        try FileManager.default.attributesOfItem(atPath: file)[.systemFileNumber] as? UInt64
          == inode)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: String(file.dropLast(19))).count == 1)
      await first.close()
      await second.close()
      await connection.close()
    }
  }

  @Test(arguments: Host.Transport.allCases) func aDamagedOneIsReplaced(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      try installAgent(server)
      let connection = try await HostConnection.connect(
        host: server.host(transport), options: server.options())
      await (try await connection.openAgent()).close()
      let file = "home/.cache/remote-build/agents/\(try installed(server)[0])/remote-build-agent"
      let whole = try server.read(file)
      // Cut short, and then of the right size but without sense.
      for damaged in ["#!/bin/sh\nexit 3\n", "#!/bin/sh\nexit 3\n" + whole.dropFirst(17)] {
        try server.write(file, damaged)
        chmod(server.path(file), 0o700)
        let agent = try await connection.openAgent()
        try await check(agent)
        await agent.close()
        #expect(try server.read(file) == whole)
      }
      await connection.close()
    }
  }

  @Test(arguments: Host.Transport.allCases) func oldOnesArePrunedToThree(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      for version in 1...5 {
        try installAgent(server, version: String(version))
        let connection = try await HostConnection.connect(
          host: server.host(transport), options: server.options())
        let agent = try await connection.openAgent()
        #expect(agent.hello.version == String(version))
        await agent.close()
        await connection.close()
      }
      #expect(try installed(server).count == 3)
    }
  }

  @Test(arguments: Sshd.Kind.here, Host.Transport.allCases)
  func aHostThatCannotTakeItSaysWhy(_ kind: Sshd.Kind, _ transport: Host.Transport) async throws {
    try await Sshd.with(kind) { server in
      try installAgent(server)
      try server.write("home/.cache", "a file in the way")
      let connection = try await HostConnection.connect(
        host: server.host(transport), options: server.options())
      let error = await #expect(throws: RemoteError.self) { try await connection.openAgent() }
      #expect(error?.code == .agentFailed)
      let message = error?.message ?? ""
      #expect(message.contains("cannot make the directory"))
      await connection.close()
    }
  }

  /// Also where the agent is larger than what the host takes ahead of its reader.
  @Test(arguments: [400_000, 16_000_000], Host.Transport.allCases)
  func aFullDiskIsTheReasonGiven(_ size: Int, _ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      try installAgent(server, size: size)
      try Sshd.run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", server.path("home"))
      defer { _ = try? Sshd.run("umount", server.path("home")) }
      let connection = try await HostConnection.connect(host: server.host(transport), options: server.options())
      let error = await #expect(throws: RemoteError.self) { try await connection.openAgent() }
      let message = error?.message ?? ""
      #expect(message.contains("cannot write"))
      #expect(message.contains("No space left on device"))
      await connection.close()
    }
  }

  @Test(arguments: Host.Transport.allCases) func noAgentForThePlatform(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      let connection = try await HostConnection.connect(
        host: server.host(transport), options: server.options())
      let error = await #expect(throws: RemoteError.self) { try await connection.openAgent() }
      #expect(error?.code == .noAgentForPlatform)
      await connection.close()
    }
  }

  @Test(arguments: Host.Transport.allCases) func anAgentThatFailsIsQuoted(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      for name in ["linux-amd64", "linux-arm64"] {
        try server.write("agents/" + name, "#!/bin/sh\necho broken >&2\nexit 1\n")
      }
      let connection = try await HostConnection.connect(
        host: server.host(transport), options: server.options())
      let error = await #expect(throws: RemoteError.self) { try await connection.openAgent() }
      #expect(error?.code == .agentFailed)
      let message = error?.message ?? ""
      #expect(message.contains("it said: broken"))
      await connection.close()
    }
  }

  /// Login shells that are installed here, of those with rules of their own.
  static let shells: [String] = ["/bin/dash", "/bin/bash", "/bin/tcsh", "/usr/bin/fish"].filter {
    access($0, X_OK) == 0
  }

  @Test(arguments: shells, Host.Transport.allCases)
  func anyLoginShellWillDo(shell: String, transport: Host.Transport) async throws {
    try await Sshd.with(extra: "ForceCommand exec \(shell) -c \"$SSH_ORIGINAL_COMMAND\"") { server in
      try installAgent(server)
      let connection = try await HostConnection.connect(host: server.host(transport), options: server.options())
      for _ in 0..<2 {
        let agent = try await connection.openAgent()
        try await check(agent)
        await agent.close()
      }
      await connection.close()
    }
  }

  /// The start files that each shell reads for a command, and lines of noise for them.
  static let startFiles = [
    "/bin/bash": ".bashrc", "/usr/bin/fish": ".config/fish/config.fish", "/bin/tcsh": ".cshrc",
  ]

  /// As an account has it, not by a command in between: with the shell's own start file, which prints, on both servers.
  @Test(
    .enabled(if: Sshd.Account.isPossible),
    arguments: startFiles.keys.sorted().filter { access($0, X_OK) == 0 }, Sshd.Kind.here)
  func aLoginShellMayPrint(shell: String, kind: Sshd.Kind) async throws {
    try await Sshd.with(kind, account: Sshd.Account(shell: shell)) { server in
      try installAgent(server)
      let file = try #require(Self.startFiles[shell])
      try Sshd.run("mkdir", "-p", (server.path("home/" + file) as NSString).deletingLastPathComponent)
      try server.write(
        "home/" + file,
        "echo 'Welcome! remote-build-bootstrap'\necho \"$HOME\" > \(server.path("seen"))\nprintf 'no newline'\n")
      let connection = try await HostConnection.connect(host: server.host, options: server.options())
      for _ in 0..<2 {
        let agent = try await connection.openAgent()
        try await check(agent)
        await agent.close()
      }
      await connection.close()
      // bash reads its file where it takes sshd for a remote shell's daemon; the others always do.
      if shell != "/bin/bash" { #expect(try server.read("seen").hasPrefix("/")) }
    }
  }

  @Test(arguments: Host.Transport.allCases) func noiseOfStartFilesDoesNotHurt(_ transport: Host.Transport) async throws
  {
    try await Sshd.with(
      extra: "ForceCommand printf 'Welcome! no newline'; eval \"$SSH_ORIGINAL_COMMAND\""
    ) { server in
      try installAgent(server)
      let connection = try await HostConnection.connect(
        host: server.host(transport), options: server.options())
      for _ in 0..<2 {
        let agent = try await connection.openAgent()
        try await check(agent)
        await agent.close()
      }
      await connection.close()
    }
  }

  @Test func thisMachineNeedsNoServer() async throws {
    try await Sshd.with { server in
      try installAgent(server)
      let host = try Inventory(hosts: []).host(named: "local")
      let connection = try await HostConnection.connect(host: host, options: server.options())
      let agent = try await connection.openAgent()
      try await check(agent)
      try await agent.frames.finishSending()
      #expect(try await agent.frames.receive() == nil)
      #expect(await agent.diagnostics() == "started\n")
      await agent.close()
      await connection.close()
    }
  }

  @Test func aLocalProcessInheritsNoBlockedSignals() async throws {
    let environment = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? ""]
    let process = try LocalProcess(
      "/bin/grep", arguments: ["-E", "SigBlk|SigIgn", "/proc/self/status"], environment: environment
    )
    var text = ""
    while let more = try await process.read(upTo: 4096) {
      text += String(decoding: more, as: UTF8.self)
    }
    await process.close()
    let masks = text.split { $0.isWhitespace }.compactMap { UInt64($0, radix: 16) }
    // Those from 32 on are the C library's own.
    #expect(masks.map { $0 & 0x7fff_ffff } == [0, 0])
  }
}
