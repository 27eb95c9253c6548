// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Vocabulary

@testable import Sync

@Suite struct RenameTests {
  private func sources() async throws -> Fixture {
    let fixture = try Fixture()
    for index in 0..<60 { try fixture.write("src/part\(index % 6)/file\(index).py", "print(\(index))\n") }
    try fixture.write("src/part0/empty", "")
    mkdir(fixture.laptop + "/src/hollow", 0o700)
    symlink("../part0/empty", fixture.laptop + "/src/part1/link")
    _ = try await fixture.push()
    return fixture
  }

  @Test func aRenamedDirectoryIsOneRename() async throws {
    let fixture = try await sources()
    let names = ["", "/part3", "/part3/file3.py", "/hollow", "/part1/link"]
    let inodes = try names.map { try fixture.inode("src\($0)") }
    try fixture.rename("src", "lib")
    let scan = try await fixture.scan()
    #expect(scan.filesHashed == 0)
    let report = try await fixture.push()
    #expect(report.contentBytes == .zero)
    #expect(report.bytesSent < ByteCount(1000))
    #expect(report.roundTrips == 1)
    #expect(try names.map { try fixture.inode("lib\($0)") } == inodes)
    try await fixture.expectEqualTrees()
  }

  @Test func aRenamedDirectoryTakesAlongWhatTheHostHasInIt() async throws {
    let fixture = try await sources()
    try fixture.write("src/part2/built.o", "an artifact", in: fixture.host)
    try fixture.rename("src", "lib")
    _ = try await fixture.push()
    #expect(fixture.text("lib/part2/built.o") == "an artifact")
    #expect(!fixture.exists("src"))
  }

  @Test func aRenamedDirectoryWithAnEditedFile() async throws {
    let fixture = try await sources()
    let inodes = try ["part0", "part3", "part3/file3.py"].map { try fixture.inode("src/\($0)") }
    try fixture.rename("src", "lib")
    try fixture.write("lib/part5/file5.py", "print('five')\n")
    let report = try await fixture.push()
    #expect(report.contentBytes == ByteCount(14))
    #expect(try ["part0", "part3", "part3/file3.py"].map { try fixture.inode("lib/\($0)") } == inodes)
    #expect(!fixture.exists("src"))
    try await fixture.expectEqualTrees()
  }

  @Test func aDirectoryMovesIntoANewOne() async throws {
    let fixture = try await sources()
    let inode = try fixture.inode("src")
    mkdir(fixture.laptop + "/new", 0o755)
    try fixture.rename("src", "new/src")
    try await fixture.push().expectNoContent()
    #expect(try fixture.inode("new/src") == inode)
    try await fixture.expectEqualTrees()
  }

  @Test func aDirectoryInItMovesOutWhileTheOuterOneIsRenamed() async throws {
    let fixture = try await sources()
    try fixture.rename("src/part4", "part4")
    try fixture.rename("src", "part9")
    try await fixture.push().expectNoContent()
    try await fixture.expectEqualTrees()
  }

  @Test func twoFilesSwapNames() async throws {
    let fixture = try Fixture()
    try fixture.write("a", "one")
    try fixture.write("b", "two")
    _ = try await fixture.push()
    for (old, new) in [("a", "c"), ("b", "a"), ("c", "b")] { try fixture.rename(old, new) }
    try await fixture.push().expectNoContent()
    #expect(fixture.text("a") == "two" && fixture.text("b") == "one")
    try await fixture.expectEqualTrees()
  }

  @Test func twoDirectoriesSwapNames() async throws {
    let fixture = try await sources()
    for (old, new) in [("part0", "x"), ("part1", "part0"), ("x", "part1")] {
      try fixture.rename("src/\(old)", "src/\(new)")
    }
    try await fixture.push().expectNoContent()
    try await fixture.expectEqualTrees()
  }

  @Test func aFileBecomesADirectoryAndBack() async throws {
    let fixture = try Fixture()
    try fixture.write("x", "a file")
    try fixture.write("other", "2")
    _ = try await fixture.push()
    try fixture.remove("x")
    try fixture.write("x/deep/x", "a file")
    try await fixture.push().expectNoContent()
    try await fixture.expectEqualTrees()
    try fixture.rename("x/deep/x", "y")
    try fixture.remove("x")
    try fixture.rename("y", "x")
    try await fixture.push().expectNoContent()
    try await fixture.expectEqualTrees()
    #expect(try await fixture.push().changed == 0)
  }

  @Test func aDirectoryComesInTheFilesPlace() async throws {
    let fixture = try await sources()
    try fixture.write("lib", "a file")
    _ = try await fixture.push()
    let inode = try fixture.inode("src")
    try fixture.remove("lib")
    try fixture.rename("src", "lib")
    try await fixture.push().expectNoContent()
    #expect(try fixture.inode("lib") == inode)
    try await fixture.expectEqualTrees()
  }

  @Test func aFileMovesOutOfADeletedDirectory() async throws {
    let fixture = try await sources()
    let inode = try fixture.inode("src/part2/file8.py")
    try fixture.rename("src/part2/file8.py", "kept.py")
    try fixture.remove("src/part2")
    let report = try await fixture.push()
    #expect(report.contentBytes == .zero)
    #expect(try fixture.inode("kept.py") == inode)
    #expect(!fixture.exists("src/part2"))
    try await fixture.expectEqualTrees()
  }
}
