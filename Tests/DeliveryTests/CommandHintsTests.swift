// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing

@testable import Delivery
@testable import RemoteKit

/// A command that is suggested works as it is typed.
@Suite struct CommandHintsTests {
  @Test func withoutOptionsThereAreNone() {
    let hints = CommandHints()
    #expect(hints.job("attach", "01J", on: "ml-1") == "remote-build attach 01J")
    #expect(hints.jobs == "remote-build jobs")
    #expect(hints.build(["base", "app"]) == "remote-build base app")
  }

  @Test func whatWasTypedIsRepeated() {
    var hints = CommandHints(
      selection: HostSelection(
        names: ["deploy@[::1]:22", "ml-2"], remoteDirectory: "/srv/my copy", sshConfiguration: "it's/config"),
      workspace: "../shop")
    let reach = #"--ssh-config 'it'\''s/config' --workspace ../shop"#
    #expect(hints.job("attach", "01J", on: "ml-2") == "remote-build attach 01J --host ml-2 \(reach)")
    let hosts = "--host 'deploy@[::1]:22' --host ml-2 \(reach)"
    #expect(hints.jobs == "remote-build jobs \(hosts)")
    #expect(hints.verify(registry: "r.example:5000") == "remote-build verify --registry r.example:5000 \(hosts)")
    hints.releases = ReleaseOrder(images: ["app"], registry: "r.example", owner: "shop", channel: "stable")
    #expect(
      hints.release("promote", ["app:TAG"])
        == "remote-build promote app:TAG --registry r.example --owner shop --channel stable \(reach)")
    hints.order = BuildOrder(
      images: ["app"], version: "v1", registry: "r.example", arguments: ["B": "2 3"], secrets: ["token": "/t"],
      replaces: true, sync: SyncOrder(adopts: true))
    let build =
      "--registry r.example --build-arg 'B=2 3' --secret token=/t --replace --adopt --remote-dir '/srv/my copy'"
    #expect(hints.build(["app"], ["--version": "TAG"]) == "remote-build app \(build) --version TAG \(hosts)")
  }

  @Test func aHostIsReachedByItsAddress() throws {
    let address = try #require(HostAddress("deploy@ml.example:2222"))
    let host = RemoteKit.Host(name: "ml-1", address: address)
    #expect(
      CommandHints.on(host, sshConfiguration: "config", "docker version")
        == "ssh -F config -p 2222 deploy@ml.example docker version")
    let here = RemoteKit.Host(name: "local", address: .local)
    #expect(CommandHints.on(here, sshConfiguration: nil, "docker version") == "docker version")
  }
}
