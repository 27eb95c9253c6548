// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary
import Wire

@testable import Sync

#if canImport(Glibc)
  import Glibc
#endif

/// A disk that is full at any point of a push: the old tree stays whole, the push says what is wrong, and succeeds once
/// there is room.
@Suite(.serialized) struct FullDiskTests {
  /// A host's filesystem of its own, taken away with this.
  private final class SmallDisk {
    let path: String

    init(_ path: String, _ options: String) throws {
      self.path = path
      mkdir(path, 0o755)
      guard mount("tmpfs", path, "tmpfs", 0, "mode=755,\(options)") == 0 else { throw Errno(rawValue: errno) }
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }

    /// Bytes and files for which there is room.
    func free() throws -> (bytes: Int, files: Int) {
      var status = statvfs()
      guard statvfs(path, &status) == 0 else { throw Errno(rawValue: errno) }
      return (Int(status.f_bavail) * Int(status.f_frsize), Int(status.f_favail))
    }
  }

  /// An old tree that is pushed, and a new one of which everything needs room: files, directories, links, copies, moves.
  ///
  /// Hard links are left out where files are counted: a tmpfs, and no other, counts each as one.
  private func prepare(_ fixture: Fixture, hasLinks: Bool) async throws {
    var generator = SeededGenerator(11)
    for index in 0..<30 { try fixture.write("old/f\(index)", generator.noise(3000)) }
    for index in 0..<10 { try fixture.write("moved/deep/f\(index)", generator.noise(1000)) }
    try fixture.write("kind/file", "in a directory")
    try fixture.write("big", generator.noise(400_000))
    _ = try await fixture.push()
    try fixture.rename("moved", "z")
    try fixture.remove("kind")
    try fixture.write("kind", "a file")
    for index in 0..<10 { try fixture.remove("old/f\(index)") }
    for index in 10..<20 { try fixture.write("old/f\(index)", generator.noise(5000)) }
    for index in 0..<40 { try fixture.write("new/d\(index)/f", generator.noise(2000)) }
    for index in 0..<20 {
      if hasLinks { try fixture.link("new/d\(index)/f", "old/link\(index)") }
      symlink("nowhere", fixture.laptop + "/new/d\(index)/l")
    }
    try fixture.write("copy of big", try fixture.bytes("big"))
    try fixture.write("big", try fixture.bytes("big") + generator.noise(300_000))
  }

  /// Pushes onto a full disk, makes room, and pushes again. Returns whether the disk was full.
  private func pushOnFullDisk(
    _ fixture: Fixture, _ disk: SmallDisk, _ place: String, makeRoom: () throws -> Void
  ) async throws -> Bool {
    let before = try fixture.listing(fixture.host)
    let outcome = try await fixture.push(Fixture.options, to: try AgentProcess(home: fixture.top))
    if outcome.report == nil {
      try #require(outcome.code == Refusal.diskFull.rawValue, "\(place): \(outcome.result)")
      let after = try fixture.listing(fixture.host).filter { !$0.key.starts(with: Array("ballast".utf8)) }
      try #require(after == before.filter { !$0.key.starts(with: Array("ballast".utf8)) }, "\(place)")
      try #require(!fixture.exists(".remote-build/staging"), "\(place)")
    }
    try makeRoom()
    let next = try await fixture.push(Fixture.options, to: try AgentProcess(home: fixture.top))
    _ = try next.result.get()
    try await fixture.expectEqualTrees()
    return outcome.report == nil
  }

  @Test(.enabled(if: geteuid() == 0)) func wheneverTheBytesRunOut() async throws {
    let steps = TestSetting.number("SYNC_FULL_DISKS", 20)
    var full = 0
    for step in 0..<steps {
      let fixture = try Fixture()
      let disk = try SmallDisk(fixture.host, "size=64m")
      try await prepare(fixture, hasLinks: true)
      // So much room is left, in pages: from none to more than is needed.
      let room = step * 480 * 4096 / steps
      let size = try disk.free().bytes - room
      let ballast = fixture.host + "/.remote-build/ballast"
      let file = open(ballast, O_WRONLY | O_CREAT, 0o600)
      let failure = posix_fallocate(file, 0, off_t(size))
      close(file)
      try #require(failure == 0)
      if try await pushOnFullDisk(fixture, disk, "\(room) bytes of room", makeRoom: { unlink(ballast) }) { full += 1 }
    }
    print("full disk: \(full) of \(steps) pushes found no room for their bytes")
    #expect(full > steps / 3 && full < steps)
  }

  @Test(.enabled(if: geteuid() == 0)) func wheneverTheFilesRunOut() async throws {
    let steps = TestSetting.number("SYNC_FULL_DISKS", 20)
    var full = 0
    for step in 0..<steps {
      let fixture = try Fixture()
      let disk = try SmallDisk(fixture.host, "size=64m,nr_inodes=2000")
      try await prepare(fixture, hasLinks: false)
      let room = step * 240 / steps
      let ballast = fixture.host + "/.remote-build/ballast"
      mkdir(ballast, 0o700)
      var count = 0
      while try disk.free().files > room {
        let file = open(ballast + "/\(count)", O_WRONLY | O_CREAT, 0o600)
        try #require(file >= 0)
        close(file)
        count += 1
      }
      let isFull = try await pushOnFullDisk(fixture, disk, "room for \(room) files") {
        try FileManager.default.removeItem(atPath: ballast)
      }
      if isFull { full += 1 }
    }
    print("full disk: \(full) of \(steps) pushes found no room for their files")
    #expect(full > steps / 3 && full < steps)
  }

  @Test func whenItFillsWhileThingsAreMovedTheNextPushGoesOn() async throws {
    let scratch = try Fixture()
    let hostile = try HostileSystem(in: scratch.top)
    var (call, full) = (1, 0)
    while true {
      let fixture = try Fixture()
      try await prepare(fixture, hasLinks: true)
      try fixture.write("moved/own.o", "the host's own", in: fixture.host)
      let (old, new) = (try PathStates(fixture.host), try PathStates(fixture.laptop))
      let variables = hostile.variables(.full(ENOSPC), at: call, isCommitted: true)
      let outcome = try await fixture.push(
        Fixture.options, to: try AgentProcess(home: fixture.top, variables: variables))
      if outcome.report != nil { break }
      full += 1
      try #require(outcome.code == Refusal.diskFull.rawValue, "call \(call): \(outcome.result)")
      try #require(try PathStates(fixture.host).torn(from: old, to: new).filter { !$0.contains("own.o") } == [])
      // It is full for the next one too, from the beginning of what it does.
      if call % 2 == 0 {
        let variables = hostile.variables(.full(ENOSPC), at: 8 + call)
        _ = try await fixture.push(Fixture.options, to: try AgentProcess(home: fixture.top, variables: variables))
        try #require(try PathStates(fixture.host).torn(from: old, to: new).filter { !$0.contains("own.o") } == [])
      }
      let next = try await fixture.push(Fixture.options, to: try AgentProcess(home: fixture.top))
      _ = try next.result.get()
      try #require(fixture.text("z/own.o") == "the host's own")
      try fixture.remove("z/own.o", in: fixture.host)
      try Disk.setModified(
        AT_FDCWD, Array((fixture.host + "/z").utf8),
        FileStamp(try fixture.status("z", in: fixture.laptop)).modified, "")
      try await fixture.expectEqualTrees()
      call += 1 + call / 4
    }
    #expect(full > 3)
  }
}
