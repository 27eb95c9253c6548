// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary
import Wire

@testable import Sync

@Suite struct PushTests {
  private func sample(_ fixture: Fixture) throws {
    try fixture.write("Dockerfile", "FROM scratch\nCOPY . /\n")
    for index in 0..<20 { try fixture.write("src/part\(index)/main.py", "print(\(index))\n") }
    try fixture.write("empty", "")
    try fixture.write("bin/run", "#!/bin/sh\n")
    chmod(fixture.laptop + "/bin/run", 0o755)
    symlink("../src/part1/main.py", fixture.laptop + "/bin/link")
    mkdir(fixture.laptop + "/hollow", 0o700)
  }

  @Test func firstPushMakesTheHostEqual() async throws {
    let fixture = try Fixture()
    try sample(fixture)
    let report = try await fixture.push()
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
    #expect(report.roundTrips == 1)
    #expect(report.files == 24)
    let scan = try await fixture.scan()
    #expect(report.treeDigest == scan.treeDigest)
    #expect(!fixture.exists(".remote-build/staging"))
  }

  @Test func unchangedCostsOneRoundTripAndNoContent() async throws {
    let fixture = try Fixture()
    try sample(fixture)
    _ = try await fixture.push()
    let report = try await fixture.push()
    #expect(report.roundTrips == 1)
    #expect(report.contentBytes == .zero)
    #expect(report.changed == 0 && report.deleted == 0)
    #expect(report.bytesSent < ByteCount(1000))
  }

  @Test func unchangedFilesAreNotReadAgain() async throws {
    let fixture = try Fixture()
    try sample(fixture)
    let first = try await fixture.scan()
    let second = try await fixture.scan()
    #expect(first.filesHashed == 23)
    #expect(second.filesHashed == 0)
    #expect(first.treeDigest == second.treeDigest)
  }

  @Test func aFileChangedJustNowIsReadAgain() async throws {
    let fixture = try Fixture()
    try fixture.write("a", "old", age: nil)
    let first = try await fixture.scan()
    try fixture.write("a", "new", age: nil)
    let second = try await fixture.scan()
    #expect(second.filesHashed == 1)
    #expect(first.treeDigest != second.treeDigest)
  }

  @Test func oneLineSendsOneFile() async throws {
    let fixture = try Fixture()
    try sample(fixture)
    _ = try await fixture.push()
    try fixture.write("src/part3/main.py", "print('three')\n")
    let report = try await fixture.push()
    #expect(report.contentBytes == ByteCount(15))
    #expect(report.roundTrips == 1)
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
  }

  @Test func deletedFilesGoAndHostOnlyFilesStay() async throws {
    let fixture = try Fixture()
    try sample(fixture)
    _ = try await fixture.push()
    try fixture.write("src/part4/host-only", "mine", in: fixture.host)
    try fixture.remove("src/part4")
    try fixture.remove("src/part5")
    let report = try await fixture.push()
    #expect(report.deleted == 4)
    #expect(fixture.text("src/part4/host-only") == "mine")
    #expect(!fixture.exists("src/part4/main.py"))
    #expect(!fixture.exists("src/part5"))
    // The directory is the host's now, and does not disturb the next push.
    #expect(try await fixture.push().roundTrips == 1)
  }

  @Test func aRenamedDirectoryCostsNoContent() async throws {
    let fixture = try Fixture()
    try sample(fixture)
    _ = try await fixture.push()
    var before = stat()
    stat(fixture.host + "/src/part7/main.py", &before)
    try FileManager.default.moveItem(atPath: fixture.laptop + "/src", toPath: fixture.laptop + "/lib")
    let report = try await fixture.push()
    #expect(report.contentBytes == .zero)
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
    var after = stat()
    stat(fixture.host + "/lib/part7/main.py", &after)
    #expect(before.st_ino == after.st_ino)
  }

  @Test func aCopyOfAFileCostsNoContent() async throws {
    let fixture = try Fixture()
    try sample(fixture)
    _ = try await fixture.push()
    try fixture.write("copied", "print(7)\n")
    try fixture.write("copied twice", "print(7)\n")
    let report = try await fixture.push()
    #expect(report.contentBytes == .zero)
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
  }

  @Test func equalFilesAreSentOnceAndKeepTheirOwnPermissions() async throws {
    let fixture = try Fixture()
    for name in ["a", "b", "c"] { try fixture.write(name, String(repeating: "x", count: 1000)) }
    chmod(fixture.laptop + "/b", 0o755)
    let report = try await fixture.push()
    #expect(report.contentBytes == ByteCount(1000))
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
  }

  @Test func kindsMayChange() async throws {
    let fixture = try Fixture()
    try fixture.write("a/x", "1")
    try fixture.write("a/y/z", "2")
    try fixture.write("b", "3")
    symlink("b", fixture.laptop + "/c")
    _ = try await fixture.push()
    for name in ["a", "b", "c"] { try fixture.remove(name) }
    try fixture.write("a", "1")
    try fixture.write("b/deep", "3")
    try fixture.write("c", "2")
    let report = try await fixture.push()
    #expect(report.contentBytes == .zero)
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
  }

  @Test func onlyPermissionsAndTimesChange() async throws {
    let fixture = try Fixture()
    try sample(fixture)
    _ = try await fixture.push()
    chmod(fixture.laptop + "/src/part1/main.py", 0o600)
    try fixture.write("src/part2/main.py", "print(2)\n", age: 5)
    let report = try await fixture.push()
    #expect(report.contentBytes == .zero)
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
  }

  @Test func aClosedDirectoryIsPushedInto() async throws {
    let fixture = try Fixture()
    try fixture.write("d/a", "1")
    chmod(fixture.laptop + "/d", 0o555)
    _ = try await fixture.push()
    chmod(fixture.laptop + "/d", 0o755)
    try fixture.write("d/b", "2")
    chmod(fixture.laptop + "/d", 0o555)
    _ = try await fixture.push()
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
  }

  @Test func namesAreBytes() async throws {
    let fixture = try Fixture()
    let names: [[UInt8]] = [
      [0x66, 0xff, 0xfe], Array("new\nline".utf8), Array("e\u{301}".utf8), Array("\u{e9}".utf8), [0x2d],
    ]
    for name in names {
      let path = Array(fixture.laptop.utf8) + [0x2f] + name
      let file = try Disk.open(AT_FDCWD, path, O_WRONLY | O_CREAT, path: "")
      try Disk.write(file, name, "")
      close(file)
    }
    _ = try await fixture.push()
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
    #expect(try fixture.listing(fixture.host).count == names.count)
  }

  @Test func bigFilesGoInPieces() async throws {
    let fixture = try Fixture()
    var generator = SystemRandomNumberGenerator()
    let noise = (0..<(3 << 20)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    try fixture.write("noise", noise)
    try fixture.write("zeros", [UInt8](repeating: 0, count: 5 << 20))
    try fixture.write("small", "x")
    let report = try await fixture.push()
    // Zeros are one chunk many times, and one more at the end.
    #expect(report.contentBytes >= ByteCount(3 << 20 | 1) && report.contentBytes < ByteCount(4 << 20))
    #expect(report.bytesSent < ByteCount(4 << 20))
    // More than the initial credit, so the client waited once for the agent's word.
    #expect(report.roundTrips == 2)
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
  }

  @Test func moreThanTheWindowArrives() async throws {
    let fixture = try Fixture()
    var generator = SystemRandomNumberGenerator()
    var noise = [UInt8](repeating: 0, count: 20 << 20)
    noise.withUnsafeMutableBytes { buffer in
      for index in stride(from: 0, to: buffer.count, by: 8) {
        buffer.storeBytes(of: generator.next(), toByteOffset: index, as: UInt64.self)
      }
    }
    try fixture.write("noise", noise)
    _ = try await fixture.push()
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
  }

  @Test func withoutAnAncestorTheHostTellsItsTree() async throws {
    let fixture = try Fixture()
    try sample(fixture)
    _ = try await fixture.push()
    try fixture.write("new", "new")
    let elsewhere = AncestorStore(directory: FilePath(fixture.top + "/other-laptop"))
    let report = try await fixture.push(ancestors: elsewhere)
    #expect(report.roundTrips == 2)
    #expect(report.changed == 1)
    // What was sent before the agent answered counts too.
    #expect(report.contentBytes > ByteCount(3))
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
  }

  @Test func rehearsalChangesNothing() async throws {
    let fixture = try Fixture()
    try sample(fixture)
    let scan = try await fixture.scan()
    let push = WorkspacePush(
      scan: scan, host: "host-1", call: PushCall(workspace: fixture.host, options: Fixture.options, isDry: true),
      ancestors: fixture.ancestors)
    let plan = try await fixture.withAgent { try await push.rehearse(over: $0) }
    #expect(plan.puts.count == scan.snapshot.summary.entries)
    #expect(plan.contentBytes > .zero)
    #expect(!fixture.exists(""))
  }

  @Test func aFileThatChangesWhileItIsSentStopsThePush() async throws {
    let fixture = try Fixture()
    try fixture.write("a", "one")
    let scan = try await fixture.scan()
    try fixture.write("a", "two")
    let push = WorkspacePush(
      scan: scan, host: "host-1", call: PushCall(workspace: fixture.host, options: Fixture.options),
      ancestors: fixture.ancestors)
    let again = try await fixture.scan()
    try await fixture.withAgent { connection in
      await #expect { try await push.run(over: connection) } throws: { ($0 as? SyncError)?.code == .changedWhileSent }
      #expect(!fixture.exists("a"))
      // The connection is as good as before.
      let next = WorkspacePush(
        scan: again, host: "host-1", call: PushCall(workspace: fixture.host, options: Fixture.options),
        ancestors: fixture.ancestors)
      _ = try await next.run(over: connection)
      #expect(fixture.text("a") == "two")
    }
  }

  @Test func thousandsOfFilesArrive() async throws {
    let fixture = try Fixture()
    // Set for a measurement; the default keeps the tests quick.
    let count = ProcessInfo.processInfo.environment["SYNC_TEST_FILES"].flatMap { Int($0) } ?? 2_000
    for index in 0..<count { try fixture.write("d\(index / 100)/f\(index)", "file number \(index)\n") }
    let clock = ContinuousClock()
    let start = clock.now
    let report = try await fixture.push()
    let first = clock.now - start
    let again = clock.now
    let second = try await fixture.push()
    print("\(count) files: first push \(first), unchanged \(clock.now - again), \(report.bytesSent) sent")
    #expect(report.files == count)
    #expect(second.contentBytes == .zero && second.roundTrips == 1)
    #expect(try fixture.listing(fixture.host) == fixture.listing(fixture.laptop))
  }
}
