// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary
import Wire

@testable import Sync

@Suite struct OwnershipTests {
  private func pushed() async throws -> Fixture {
    let fixture = try Fixture()
    try fixture.write("a", "one")
    try fixture.write("d/b", "two")
    try fixture.write("d/c", "three")
    _ = try await fixture.push()
    return fixture
  }

  @Test func driftIsRepaired() async throws {
    let fixture = try await pushed()
    try fixture.remove("d/b", in: fixture.host)
    chmod(fixture.host + "/a", 0o777)
    let report = try await fixture.push()
    #expect(report.roundTrips == 2)
    #expect(report.savedAside.isEmpty)
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
  }

  @Test func whatWasEditedOnTheHostIsSavedAside() async throws {
    let fixture = try await pushed()
    try fixture.write("d/b", "TWO", in: fixture.host, age: nil)
    let report = try await fixture.push()
    #expect(fixture.text("d/b") == "two")
    #expect(report.savedAside.count == 1)
    #expect(report.savedAside.first.flatMap { fixture.text($0) } == "TWO")
    #expect(try await fixture.push().roundTrips == 1)
  }

  @Test func whatWasEditedOnTheHostAndDeletedHereIsSavedAside() async throws {
    let fixture = try await pushed()
    try fixture.write("d/b", "TWO", in: fixture.host, age: nil)
    try fixture.remove("d/b")
    let report = try await fixture.push()
    #expect(!fixture.exists("d/b"))
    #expect(report.savedAside.first.flatMap { fixture.text($0) } == "TWO")
  }

  @Test func aManagedDirectoryReplacedByALinkIsNotFollowed() async throws {
    let fixture = try await pushed()
    try fixture.write("b", "outside", in: fixture.top + "/outside")
    try fixture.remove("d", in: fixture.host)
    symlink(fixture.top + "/outside", fixture.host + "/d")
    let report = try await fixture.push()
    #expect(report.savedAside.count == 1)
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
    #expect(fixture.text("b", in: fixture.top + "/outside") == "outside")
    #expect(!fixture.exists("c", in: fixture.top + "/outside"))
  }

  @Test func anUnmanagedFileInTheWayStopsThePush() async throws {
    let fixture = try await pushed()
    try fixture.write("e/f", "host", in: fixture.host)
    try fixture.write("e/f", "laptop")
    try fixture.write("a", "changed")
    let refused = try #require(try await refusal { _ = try await fixture.push() })
    #expect(refused.code == Refusal.inTheWay.rawValue)
    #expect(refused.failure.details["paths"] == ["e/f"])
    #expect(fixture.text("a") == "one")
    #expect(fixture.text("e/f") == "host")
  }

  @Test func anIdenticalFileIsNotInTheWay() async throws {
    let fixture = try await pushed()
    try fixture.write("e", "same", in: fixture.host)
    try fixture.write("e", "same")
    _ = try await fixture.push()
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
  }

  @Test func adoptSavesWhatIsInTheWay() async throws {
    let fixture = try await pushed()
    try fixture.write("e", "host", in: fixture.host)
    try fixture.write("e", "laptop")
    var options = Fixture.options
    options.adopt = true
    let report = try await fixture.push(options)
    #expect(fixture.text("e") == "laptop")
    #expect(report.savedAside.first.flatMap { fixture.text($0) } == "host")
  }

  @Test func aStrangerInADirectoryThatMakesWayStopsThePush() async throws {
    let fixture = try await pushed()
    try fixture.write("d/stranger", "host", in: fixture.host)
    try fixture.remove("d")
    try fixture.write("d", "a file now")
    let refused = try #require(try await refusal { _ = try await fixture.push() })
    #expect(refused.code == Refusal.inTheWay.rawValue)
    #expect(fixture.text("d/b") == "two")
    var options = Fixture.options
    options.adopt = true
    _ = try await fixture.push(options)
    #expect(fixture.text("d") == "a file now")
  }

  @Test func aDirectoryThatIsRenamedStopsBeforeTheHostsOwn() async throws {
    let fixture = try await pushed()
    try fixture.write("e/mine", "host", in: fixture.host)
    try FileManager.default.moveItem(atPath: fixture.laptop + "/d", toPath: fixture.laptop + "/e")
    let refused = try #require(try await refusal { _ = try await fixture.push() })
    #expect(refused.code == Refusal.inTheWay.rawValue)
    #expect(fixture.text("d/b") == "two")
    #expect(fixture.text("e/mine") == "host")
    var options = Fixture.options
    options.adopt = true
    let report = try await fixture.push(options)
    #expect(fixture.text("e/b") == "two")
    #expect(report.savedAside.first.flatMap { fixture.text($0 + "/mine") } == "host")
  }

  @Test func whatBecomesIgnoredGoesUnlessEdited() async throws {
    let fixture = try await pushed()
    try fixture.write("d/c", "THREE", in: fixture.host, age: nil)
    try fixture.write(".dockerignore", "d\n")
    let report = try await fixture.push()
    #expect(!fixture.exists("d/b"))
    #expect(fixture.text("d/c") == "THREE")
    #expect(report.leftBehind == ["d/c"])
  }

  @Test func anEmptySourceIsRefused() async throws {
    let fixture = try await pushed()
    try fixture.remove("a")
    try fixture.remove("d")
    #expect(try await refusal { _ = try await fixture.push() }?.code == Refusal.massDelete.rawValue)
    #expect(fixture.text("a") == "one")
    var options = Fixture.options
    options.allowMassDelete = true
    _ = try await fixture.push(options)
    #expect(!fixture.exists("a"))
  }

  @Test func deletingMostOfManyIsRefusedAndRenamingThemIsNot() async throws {
    let fixture = try Fixture()
    for index in 0..<120 { try fixture.write("many/f\(index)", "\(index)") }
    _ = try await fixture.push()
    try FileManager.default.moveItem(atPath: fixture.laptop + "/many", toPath: fixture.laptop + "/renamed")
    _ = try await fixture.push()
    for index in 0..<61 { try fixture.remove("renamed/f\(index)") }
    let refused = try #require(try await refusal { _ = try await fixture.push() })
    #expect(refused.code == Refusal.massDelete.rawValue)
    #expect(refused.failure.details["deleted"] == ["61"])
    #expect(fixture.exists("renamed/f0"))
    try fixture.write("renamed/f0", "0")
    _ = try await fixture.push()
    #expect(!fixture.exists("renamed/f1"))
  }

  @Test func aDirectoryThatIsNotOursIsRefused() async throws {
    let fixture = try Fixture()
    try fixture.write("a", "one")
    try fixture.write("b", "theirs", in: fixture.host)
    let refused = try #require(try await refusal { _ = try await fixture.push() })
    #expect(refused.code == Refusal.notOurs.rawValue)
    #expect(refused.failure.message.contains("--adopt"))
    #expect(!fixture.exists(".remote-build"))
    var options = Fixture.options
    options.adopt = true
    _ = try await fixture.push(options)
    #expect(fixture.text("a") == "one" && fixture.text("b") == "theirs")
    // Once adopted, it is ours.
    _ = try await fixture.push()
  }

  @Test func anotherProjectsDirectoryIsRefused() async throws {
    let fixture = try await pushed()
    var options = Fixture.options
    options.project = "other"
    let refused = try #require(try await refusal { _ = try await fixture.push(options) })
    #expect(refused.code == Refusal.notOurs.rawValue)
    #expect(refused.failure.message.contains("demo"))
  }

  @Test func aFileWhereTheDirectoryShouldBeIsRefused() async throws {
    let fixture = try Fixture()
    try fixture.write("a", "one")
    try fixture.write("host", "a file", in: fixture.top)
    #expect(try await refusal { _ = try await fixture.push() }?.code == Refusal.notOurs.rawValue)
  }

  @Test(.enabled(if: geteuid() == 0)) func anotherUsersDirectoryIsRefused() async throws {
    let fixture = try Fixture()
    try fixture.write("a", "one")
    mkdir(fixture.host, 0o777)
    chown(fixture.host, 12345, 12345)
    let refused = try #require(try await refusal { _ = try await fixture.push() })
    #expect(refused.code == Refusal.notOurs.rawValue)
    #expect(refused.failure.message.contains("12345"))
  }

  @Test func aHeldLeaseNamesItsHolder() async throws {
    let fixture = try await pushed()
    let state = open(fixture.host + "/.remote-build", O_RDONLY | O_DIRECTORY)
    defer { close(state) }
    do {
      let lease = try Lease(state: state, owner: "eve@desk", wait: false, workspace: fixture.host)
      defer { withExtendedLifetime(lease) {} }
      let refused = try #require(try await refusal { _ = try await fixture.push() })
      #expect(refused.code == Refusal.leaseHeld.rawValue)
      #expect(refused.failure.details["owner"] == ["eve@desk"])
      #expect(refused.failure.message.contains("eve@desk"))
    }
    _ = try await fixture.push()
  }

  @Test(.enabled(if: geteuid() == 0)) func aFullDiskLeavesTheOldTreeWhole() async throws {
    let fixture = try Fixture()
    mkdir(fixture.host, 0o755)
    guard mount("tmpfs", fixture.host, "tmpfs", 0, "size=1m,mode=755") == 0 else {
      Issue.record("cannot mount a tmpfs: \(Errno(rawValue: errno))")
      return
    }
    defer { umount2(fixture.host, Int32(MNT_DETACH)) }
    try fixture.write("a", "one")
    _ = try await fixture.push()
    let before = try fixture.listing(fixture.host)
    var generator = SystemRandomNumberGenerator()
    try fixture.write("big", (0..<(4 << 20)).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
    try fixture.write("a", "two")
    let refused = try #require(try await refusal { _ = try await fixture.push() })
    #expect(refused.code == Refusal.diskFull.rawValue)
    #expect(try fixture.listing(fixture.host) == before)
    #expect(!fixture.exists(".remote-build/staging"))
    try fixture.remove("big")
    _ = try await fixture.push()
    #expect(fixture.text("a") == "two")
  }
}
