// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary

@testable import Sync

@Suite struct HoleTests {
  /// A file of a size in bytes, with data at some places and holes between.
  private func sparse(_ fixture: Fixture, _ name: String, size: Int, data: [Int: [UInt8]]) throws {
    let file = open(fixture.laptop + "/" + name, O_WRONLY | O_CREAT, 0o644)
    guard file >= 0, ftruncate(file, off_t(size)) == 0 else { throw Errno(rawValue: errno) }
    defer { close(file) }
    for (offset, bytes) in data { try bytes.withUnsafeBytes { try Disk.write(file, at: offset, $0, name) } }
    try Disk.setModified(file, FileStamp.now() - 1_000_000_000_000, name)
  }

  private func residentBytes() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
    return (Int(line.split(whereSeparator: \.isWhitespace)[1]) ?? 0) << 10
  }

  @Test(.timeLimit(.minutes(3))) func aHundredGigabytesOfNothingCostNextToNothing() async throws {
    let fixture = try Fixture()
    var generator = SeededGenerator(1)
    let size = 100_000_000_000
    let pieces = [0: generator.noise(1000), 50_000_000_001: generator.noise(300 << 10), size - 10: generator.noise(10)]
    try sparse(fixture, "disk.img", size: size, data: pieces)
    let before = try residentBytes()
    let report = try await fixture.push()
    #expect(try residentBytes() - before < 1 << 30)
    // What is no zero, and the chunks around it.
    #expect(report.contentBytes < ByteCount(2 << 20))
    let status = try fixture.status("disk.img")
    #expect(status.st_size == size)
    #expect(Int(status.st_blocks) * 512 < 4 << 20)
    let file = try Disk.open(AT_FDCWD, Array((fixture.host + "/disk.img").utf8), O_RDONLY, path: "disk.img")
    defer { close(file) }
    for (offset, bytes) in pieces { #expect(try Disk.read(file, at: offset, bytes.count, "") == bytes) }
    let scan = try await fixture.scan()
    #expect(scan.filesHashed == 0)
    let again = try await fixture.push()
    #expect(again.roundTrips == 1 && again.contentBytes == .zero && again.changed == 0)
  }

  @Test func holesStayHolesInACopyAndAfterAnEdit() async throws {
    let fixture = try Fixture()
    var generator = SeededGenerator(2)
    try sparse(fixture, "a", size: 64 << 20, data: [20 << 20: generator.noise(1 << 20)])
    _ = try await fixture.push()
    try sparse(
      fixture, "b", size: 64 << 20, data: [20 << 20: try Array(fixture.bytes("a")[(20 << 20)..<(21 << 20)])])
    try await fixture.push().expectNoContent()
    #expect(Int(try fixture.status("b").st_blocks) * 512 < 4 << 20)
    // Data comes into a hole.
    try sparse(fixture, "b", size: 64 << 20, data: [40 << 20: generator.noise(100)])
    let report = try await fixture.push()
    #expect(report.contentBytes < ByteCount(1 << 20))
    #expect(Int(try fixture.status("b").st_blocks) * 512 < 4 << 20)
    try await fixture.expectEqualTrees()
  }

  @Test func zerosOnlyAreAHole() async throws {
    let fixture = try Fixture()
    try fixture.write("zeros", [UInt8](repeating: 0, count: 4 << 20))
    _ = try await fixture.push()
    #expect(Int(try fixture.status("zeros").st_blocks) * 512 <= 1 << 20)
    try await fixture.expectEqualTrees()
  }
}

extension PushReport {
  func expectNoContent() { #expect(contentBytes == .zero) }
}
