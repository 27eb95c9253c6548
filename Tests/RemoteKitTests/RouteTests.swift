// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing

@testable import RemoteKit

@Suite struct RouteTests {
  @Test func entriesOfAList() {
    #expect(JumpHost("a") == JumpHost(name: "a", user: nil, port: nil))
    #expect(JumpHost("me@a:22") == JumpHost(name: "a", user: "me", port: 22))
    #expect(JumpHost("me@[::1]:2222") == JumpHost(name: "::1", user: "me", port: 2222))
    #expect(JumpHost("ssh://me@a:22") == JumpHost(name: "a", user: "me", port: 22))
    #expect(JumpHost("ssh://me;x=y@[::1]:22/") == JumpHost(name: "::1", user: "me", port: 22))
    #expect(JumpHost("ssh://m%40e@a") == JumpHost(name: "a", user: "m@e", port: nil))
    // A machine of that name, not this one.
    #expect(JumpHost("local") == JumpHost(name: "local", user: nil, port: nil))
    for bad in ["", "a:0", "-oX=y", "ssh://", "ssh://a/b", "ssh://%zz@a"] { #expect(JumpHost(bad) == nil, "\(bad)") }
    #expect(JumpHost.last(of: "a,b:1,c")?.jump.name == "c")
    #expect(JumpHost.last(of: "a,b:1,c")?.before == "a,b:1")
    #expect(JumpHost.last(of: "a,") == nil)
  }

  private func route(_ name: String, _ configuration: String) async throws -> Route {
    let file = FilePath("/tmp/remote-kit-route.\(UInt32.random(in: 0...UInt32.max))")
    defer { unlink(file.string) }
    try configuration.write(toFile: file.string, atomically: true, encoding: .utf8)
    return try await Route.resolve(
      name: name, user: nil, port: nil, configuration: file, host: "lab",
      environment: ["HOME": "/h", "PATH": ProcessInfo.processInfo.environment["PATH"] ?? ""])
  }

  @Test func eachHopHasItsOwnConfiguration() async throws {
    let route = try await route(
      "target",
      """
      Host target
        ProxyJump a,me@b:2200
      Host a
        HostName a.example.com
        ProxyJump gate
        IdentityFile ~/a_%r
        User alice
      Host b
        User nobody
        Port 1
        ConnectTimeout 7
        ProxyJump somewhere-else
      Host gate
        ProxyCommand nc %h %p
      """)
    #expect(route.hops.map { $0.jump?.description } == ["gate", "a", "me@b:2200", nil])
    #expect(route.hops.map(\.resolution.hostName) == ["gate", "a.example.com", "b", "target"])
    #expect(route.hops.map(\.resolution.port) == [22, 22, 2200, 22])
    #expect(route.hops[0].resolution.proxyCommand == "nc %h %p")
    #expect(route.hops[1].resolution.identityFiles == ["/h/a_alice"])
    #expect(route.hops[2].resolution.user == "me")
    #expect(route.hops[2].resolution.connectTimeout == .seconds(7))
  }

  @Test(arguments: [
    "Host target\nProxyJump target", "Host *\nProxyJump gate",
    "Host target\nProxyJump a\nHost a\nProxyJump b\nHost b\nProxyJump a",
    "Host target\nProxyJump a,b\nHost a\nProxyJump target",
  ])
  func aCircleIsRefused(configuration: String) async throws {
    let error = await #expect(throws: RemoteError.self) { try await route("target", configuration) }
    #expect(error?.code == .configuration)
    let message = error?.message ?? ""
    // The smallest ones OpenSSH finds itself.
    #expect(message.contains("in a circle") || message.contains("jumphost loop"), "\(message)")
  }

  @Test func noneEndsAWay() async throws {
    let route = try await route("target", "Host gate\nProxyJump none\nHost *\nProxyJump gate")
    #expect(route.hops.map { $0.jump?.name } == ["gate", nil])
  }
}
