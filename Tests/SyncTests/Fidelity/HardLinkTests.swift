// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Vocabulary

@testable import Sync

@Suite struct HardLinkTests {
  /// Three names of one file, and a file by itself.
  private func linked() async throws -> Fixture {
    let fixture = try Fixture()
    try fixture.write("d/a", "shared")
    try fixture.write("other", "alone")
    try fixture.link("d/a", "d/b")
    try fixture.link("d/a", "z")
    _ = try await fixture.push()
    return fixture
  }

  @Test func linksAreLinksOnTheHost() async throws {
    let fixture = try await linked()
    #expect(try fixture.inode("d/a") == fixture.inode("d/b"))
    #expect(try fixture.inode("d/a") == fixture.inode("z"))
    #expect(try fixture.status("z").st_nlink == 3)
    try await fixture.expectEqualTrees()
    let again = try await fixture.push()
    #expect(again.roundTrips == 1 && again.changed == 0)
  }

  @Test func aLinkThatIsBrokenOnTheLaptopIsBrokenOnTheHost() async throws {
    let fixture = try await linked()
    try fixture.remove("d/b")
    try fixture.write("d/b", "shared")
    let report = try await fixture.push()
    #expect(report.contentBytes == .zero)
    #expect(try fixture.inode("d/a") != fixture.inode("d/b"))
    #expect(try fixture.inode("d/a") == fixture.inode("z"))
    try await fixture.expectEqualTrees()
  }

  @Test func aFileThatBecomesALinkIsOne() async throws {
    let fixture = try await linked()
    try fixture.remove("other")
    try fixture.link("z", "other")
    let report = try await fixture.push()
    #expect(report.contentBytes == .zero)
    #expect(try fixture.inode("other") == fixture.inode("z"))
    try await fixture.expectEqualTrees()
  }

  @Test func theFirstNameIsDeleted() async throws {
    let fixture = try await linked()
    let inode = try fixture.inode("z")
    try fixture.remove("d/a")
    let report = try await fixture.push()
    #expect(report.contentBytes == .zero)
    #expect(try fixture.inode("d/b") == inode && fixture.inode("z") == inode)
    #expect(try fixture.status("z").st_nlink == 2)
    try await fixture.expectEqualTrees()
  }

  @Test func aNameBeforeTheFirstIsAdded() async throws {
    let fixture = try await linked()
    try fixture.link("z", "0")
    let report = try await fixture.push()
    #expect(report.contentBytes == .zero)
    #expect(try fixture.inode("0") == fixture.inode("d/b"))
    try await fixture.expectEqualTrees()
  }

  @Test func anEditReachesEveryName() async throws {
    let fixture = try await linked()
    let file = open(fixture.laptop + "/z", O_WRONLY | O_APPEND)
    try Disk.write(file, Array(", and more".utf8), "")
    close(file)
    let report = try await fixture.push()
    #expect(report.contentBytes == ByteCount(16))
    #expect(try fixture.inode("d/a") == fixture.inode("z"))
    try await fixture.expectEqualTrees()
  }

  @Test(arguments: ["d/a", "d/b", "z"]) func aLinkThatIsBrokenOnTheHostIsRepaired(name: String) async throws {
    let fixture = try await linked()
    try fixture.remove(name, in: fixture.host)
    try fixture.write(name, "shared", in: fixture.host)
    let report = try await fixture.push()
    #expect(report.savedAside.isEmpty)
    #expect(try fixture.inode("d/a") == fixture.inode("d/b"))
    #expect(try fixture.inode("d/a") == fixture.inode("z"))
    try await fixture.expectEqualTrees()
    #expect(try await fixture.push().roundTrips == 1)
  }

  @Test func aGroupWithinADirectoryMovesWithIt() async throws {
    let fixture = try Fixture()
    try fixture.write("d/a", "shared")
    try fixture.write("d/e/c", "alone")
    try fixture.link("d/a", "d/e/b")
    _ = try await fixture.push()
    let (directory, file) = (try fixture.inode("d"), try fixture.inode("d/a"))
    try fixture.rename("d", "moved")
    let report = try await fixture.push()
    #expect(report.contentBytes == .zero)
    #expect(try fixture.inode("moved/a") == file && fixture.inode("moved/e/b") == file)
    #expect(try fixture.inode("moved") == directory, "the directory is renamed, not made anew")
    try await fixture.expectEqualTrees()
  }

  @Test(arguments: ["c", "y", "zz"]) func aGroupAcrossADirectoryThatMoves(name: String) async throws {
    let fixture = try await linked()
    let file = try fixture.inode("z")
    try fixture.rename("d", name)
    let report = try await fixture.push()
    #expect(report.contentBytes == .zero)
    #expect(try fixture.inode("\(name)/a") == file && fixture.inode("\(name)/b") == file && fixture.inode("z") == file)
    try await fixture.expectEqualTrees()
  }

  @Test func aNameIsTakenOutOfTheGroupByAnother() async throws {
    let fixture = try await linked()
    // The names trade places with a file by itself.
    try fixture.rename("d/a", "spare")
    try fixture.rename("other", "d/a")
    try fixture.rename("spare", "other")
    let report = try await fixture.push()
    #expect(report.contentBytes == .zero)
    #expect(try fixture.inode("other") == fixture.inode("z"))
    try await fixture.expectEqualTrees()
  }
}
