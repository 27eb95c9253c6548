// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary
import Wire

@testable import Sync

@Suite struct SlotTests {
  private let context = ImageContext(image: "svc", directory: "", dockerfile: "infra/svc.Dockerfile")

  private func pushed() async throws -> Fixture {
    let fixture = try Fixture()
    try fixture.write("infra/svc.Dockerfile", "FROM scratch\n")
    try fixture.write(".dockerignore", "infra\n**/*.log\n")
    try fixture.write("app/main.py", "print(1)\n")
    try fixture.write("app/noise.log", "noise")
    try fixture.write("lib/one.py", "1\n")
    symlink("app/main.py", fixture.laptop + "/entry")
    _ = try await fixture.push(contexts: [context])
    return fixture
  }

  private func prepare(_ fixture: Fixture, _ scan: Scan) async throws -> PreparedSlot {
    try await fixture.withAgent {
      try await SlotClient.prepare(
        context, workspace: fixture.host, treeDigest: scan.treeDigest, contextDigest: scan.contextDigests["svc"]!,
        owner: "ada", over: $0)
    }
  }

  private func identity(_ path: String) -> [UInt64] {
    var status = stat()
    guard lstat(path, &status) == 0 else { return [] }
    return [UInt64(status.st_ino), UInt64(status.st_ctim.tv_sec), UInt64(status.st_ctim.tv_nsec)]
  }

  @Test func aSlotHoldsExactlyTheContext() async throws {
    let fixture = try await pushed()
    try fixture.write("app/host-only", "never built", in: fixture.host)
    let slot = try await prepare(fixture, fixture.scan([context]))
    #expect(slot.path == fixture.host + "/.remote-build/slots/svc/1")
    let names = try fixture.listing(slot.path)
    #expect(
      Set(names.keys.map { TreePath.text($0) }) == [
        ".dockerignore", "app", "app/main.py", "entry", "infra", "infra/svc.Dockerfile", "lib", "lib/one.py",
      ])
    let laptop = try fixture.listing(fixture.laptop)
    for (name, line) in names where !line.hasPrefix("directory") { #expect(laptop[name] == line) }
    #expect(fixture.text("svc.Dockerfile", in: slot.path + "/infra") == "FROM scratch\n")
    #expect(slot.dockerfile == slot.path + "/infra/svc.Dockerfile")
  }

  @Test func unchangedFilesKeepInodeAndChangeTime() async throws {
    let fixture = try await pushed()
    let first = try await prepare(fixture, fixture.scan([context]))
    let before = identity(first.path + "/lib/one.py")
    let changed = identity(first.path + "/app/main.py")
    fixture.locks.releaseAll()
    try fixture.write("app/main.py", "print(2)\n")
    try fixture.remove("entry")
    _ = try await fixture.push(contexts: [context])
    let second = try await prepare(fixture, fixture.scan([context]))
    #expect(second.path == first.path)
    #expect(!before.isEmpty && identity(second.path + "/lib/one.py") == before)
    #expect(identity(second.path + "/app/main.py") != changed)
    #expect(fixture.text("app/main.py", in: second.path) == "print(2)\n")
    #expect(!fixture.exists("entry", in: second.path))
  }

  @Test func whatABuildLeftBehindGoes() async throws {
    let fixture = try await pushed()
    let scan = try await fixture.scan([context])
    let first = try await prepare(fixture, scan)
    let listing = try fixture.listing(first.path)
    fixture.locks.releaseAll()
    try fixture.write("junk/file", "junk", in: first.path)
    try fixture.write("lib/one.py", "spoilt", in: first.path, age: nil)
    try fixture.remove("app", in: first.path)
    try fixture.write("app", "a file now", in: first.path)
    let second = try await prepare(fixture, scan)
    #expect(second.path == first.path)
    #expect(try fixture.listing(second.path) == listing)
  }

  @Test func aSecondBuildTakesASecondSlotUntilTheLockIsLetGo() async throws {
    let fixture = try await pushed()
    let scan = try await fixture.scan([context])
    let first = try await prepare(fixture, scan)
    let second = try await prepare(fixture, scan)
    #expect(second.path == fixture.host + "/.remote-build/slots/svc/2")
    let lock = try #require(fixture.locks.take(first.slot))
    #expect(fixture.locks.take(first.slot) == nil)
    let third = try await prepare(fixture, scan)
    #expect(third.path.hasSuffix("/3"))
    try lock.close()
    let fourth = try await prepare(fixture, scan)
    #expect(fourth.path == first.path)
  }

  @Test func aPushDuringABuildLeavesTheSlotAlone() async throws {
    let fixture = try await pushed()
    let slot = try await prepare(fixture, fixture.scan([context]))
    let before = try fixture.listing(slot.path)
    try fixture.write("app/main.py", "print(3)\n")
    _ = try await fixture.push(contexts: [context])
    #expect(try fixture.listing(slot.path) == before)
  }

  @Test func anotherTreeOnTheHostIsRefused() async throws {
    let fixture = try await pushed()
    let scan = try await fixture.scan([context])
    try fixture.write("app/main.py", "edited on the host", in: fixture.host, age: nil)
    #expect(try await refusal { _ = try await prepare(fixture, scan) }?.code == Refusal.treeChanged.rawValue)
  }

  @Test func namesOfImagesLeadNowhere() {
    #expect(SlotPreparation.directoryName("base-ml") == "base-ml")
    #expect(SlotPreparation.directoryName("..") == "%2e.")
    #expect(SlotPreparation.directoryName("a/../b") == "a%2f..%2fb")
  }
}
