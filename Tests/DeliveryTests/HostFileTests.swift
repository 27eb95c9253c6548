// SPDX-License-Identifier: Apache-2.0

import Foundation
import RemoteKit
import SystemPackage
import Testing
import Vocabulary

@testable import Delivery

@Suite struct HostFileTests {
  @Test(arguments: ["deploy@ml-1", "ml-1", "deploy@10.0.0.4:2222", "deploy@[fe80::1]:22", "10.0.0.4", "yes", "0x10"])
  func whatIsWrittenIsRead(_ address: String) throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "hosts-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    let path = FilePath(directory.path).appending("h.yaml")
    let file = HostFile(address: address, builder: "docker", platform: "linux/amd64", roles: ["build", "on"])
    try file.write(to: path, overwrites: false)
    let host = try #require(try Inventory.load(directories: [FilePath(directory.path)]).hosts.first)
    #expect(host.address == HostAddress(address))
    #expect(host.builder == .docker)
    #expect(host.platforms == [Platform(architecture: "amd64")])
    #expect(host.roles == ["build", "on"])
  }

  @Test func oneThatStandsIsNotOverwritten() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "hosts-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    let path = FilePath(directory.path).appending("h.yaml")
    try HostFile(address: "one", roles: []).write(to: path, overwrites: false)
    #expect(throws: DeliveryError.self) { try HostFile(address: "two", roles: []).write(to: path, overwrites: false) }
    #expect(try String(contentsOfFile: path.string, encoding: .utf8) == "address: one\n")
    try HostFile(address: "two", roles: []).write(to: path, overwrites: true)
    #expect(try String(contentsOfFile: path.string, encoding: .utf8) == "address: two\n")
  }

  @Test(arguments: [
    ("ml-1", true), ("a.b_c", true), ("", false), ("../x", false), (".x", false), ("-x", false), ("local", false),
    ("a b", false),
  ])
  func names(_ name: String, _ isOne: Bool) { #expect(HostFile.isName(name) == isOne) }
}
