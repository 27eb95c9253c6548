// SPDX-License-Identifier: Apache-2.0

import Foundation
import Settings
import SystemPackage
import Testing
import Vocabulary

@testable import RemoteKit

@Suite struct InventoryTests {
  @Test func addresses() {
    #expect(HostAddress("local") == .local)
    #expect(HostAddress("ml-1") == .ssh(name: "ml-1", user: nil, port: nil))
    #expect(HostAddress("me@ml-1") == .ssh(name: "ml-1", user: "me", port: nil))
    #expect(HostAddress("me@10.0.0.1:2222") == .ssh(name: "10.0.0.1", user: "me", port: 2222))
    #expect(HostAddress("me@corp@ml-1:22") == .ssh(name: "ml-1", user: "me@corp", port: 22))
    #expect(HostAddress("me@[::1]:2222") == .ssh(name: "::1", user: "me", port: 2222))
    #expect(HostAddress("fe80::1") == .ssh(name: "fe80::1", user: nil, port: nil))
    for bad in [
      "", "@a", "a:", "a:0", "a:70000", "-oProxyCommand=x", "-l@a", "[::1", "[::1]x", "a b", "a/b",
      "a'b",
    ] {
      #expect(HostAddress(bad) == nil, "\(bad)")
    }
    #expect(HostAddress("me@[::1]:2222")?.description == "me@[::1]:2222")
  }

  @Test func aHostFile() throws {
    let document = try SettingsDocument(
      text: """
        address: deploy@ml-1.example.com:2222
        workspace: /home/deploy/{project}
        builder: podman
        platforms: [linux/amd64]
        roles: [build]
        max-builds: 2
        limits: {memory: 8GB, cpus: 4}
        transport: openssh
        """, file: "ml-1.yaml")
    let host = try Host(name: "ml-1", document)
    #expect(host.address == .ssh(name: "ml-1.example.com", user: "deploy", port: 2222))
    #expect(host.workspacePath(project: "tax", home: "/root") == "/home/deploy/tax")
    #expect(host.builder == .podman)
    #expect(host.platforms == [Platform(architecture: "amd64")])
    #expect(host.limits == Host.Limits(memory: ByteCount(8_000_000_000), cpus: 4))
    #expect(host.maxBuilds == 2)
    #expect(host.transport == .openssh)
  }

  @Test(arguments: [
    ("adress: x", "h.yaml:1:1: unknown key 'adress', did you mean 'address'?"),
    ("address: a:b", "h.yaml:1:10: 'a:b' is not an address"),
    ("max-builds: 0", "h.yaml:1:13: must be at least 1"),
    ("limits:\n  memory: lots", "h.yaml:2:11: expected a size"),
    ("workspace: relative", "h.yaml:1:12: a workspace is"),
  ])
  func mistakes(text: String, message: String) throws {
    let error = #expect(throws: SettingsError.self) {
      try Host(name: "h", SettingsDocument(text: text, file: "h.yaml"))
    }
    let description = error?.description ?? ""
    #expect(description.hasPrefix(message))
  }

  @Test func theUsersOwnFilesWin() throws {
    let root = FilePath("/tmp/remote-kit-inventory.\(UInt32.random(in: 0...UInt32.max))")
    defer { try? FileManager.default.removeItem(atPath: root.string) }
    for (path, text) in [
      ("own/a.yaml", "address: own"), ("shared/a.yaml", "address: shared"), ("shared/b.yaml", ""),
    ] {
      let file = root.appending(path)
      try FileManager.default.createDirectory(
        atPath: file.removingLastComponent().string, withIntermediateDirectories: true)
      try text.write(toFile: file.string, atomically: true, encoding: .utf8)
    }
    let inventory = try Inventory.load(
      directories: [root.appending("own"), root.appending("shared"), root.appending("none")])
    #expect(inventory.hosts.map(\.name) == ["a", "b"])
    #expect(try inventory.host(named: "a").address == .ssh(name: "own", user: nil, port: nil))
    #expect(try inventory.host(named: "b").address == .ssh(name: "b", user: nil, port: nil))
    let typed = try inventory.host(named: "me@c:22")
    #expect(
      typed.workspacePath(project: "tax", home: "/home/me")
        == "/home/me/.cache/remote-build/workspaces/tax")
    #expect(throws: RemoteError.self) { try inventory.host(named: "no such host") }
  }

  @Test func whatSSHSays() async throws {
    let file = FilePath("/tmp/remote-kit-config.\(UInt32.random(in: 0...UInt32.max))")
    defer { unlink(file.string) }
    try """
    Host short
      HostName real.example.com
      User someone
      IdentityFile ~/.ssh/special
      IdentityAgent $OTHER_SOCK
      HostKeyAlias alias
      ServerAliveInterval 7
      ConnectTimeout 9
      ProxyJump none
    """.write(toFile: file.string, atomically: true, encoding: .utf8)
    let environment = [
      "HOME": "/home/x", "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "",
      "OTHER_SOCK": "/s",
    ]
    let found = try await HostResolution.resolve(
      name: "short", user: nil, port: 2200, configuration: file, host: "h", environment: environment
    )
    #expect(found.hostName == "real.example.com")
    #expect(found.identityFiles == ["/home/x/.ssh/special"])
    #expect(found.user == "someone")
    #expect(found.port == 2200)
    #expect(found.agentSocket(environment: environment) == "/s")
    #expect(found.knownHostsNames.name == "alias")
    #expect(found.serverAliveInterval == .seconds(7))
    #expect(found.connectTimeout == .seconds(9))
    #expect(found.proxyJump == nil)
    let error = await #expect(throws: RemoteError.self) {
      try await HostResolution.resolve(
        name: "x", user: nil, port: nil, configuration: "/nonexistent", host: "h",
        environment: environment)
    }
    #expect(error?.code == .configuration)
  }
}
