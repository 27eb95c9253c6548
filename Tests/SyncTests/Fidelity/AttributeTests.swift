// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary

@testable import Sync

@Suite struct AttributeTests {
  @Test func setgidDirectoriesAndFilesKeepTheirBits() async throws {
    let fixture = try Fixture()
    try fixture.write("shared/inner/file", "1")
    try fixture.write("shared/program", "#!/bin/sh\n")
    chmod(fixture.laptop + "/shared", 0o2775)
    chmod(fixture.laptop + "/shared/inner", 0o755)
    chmod(fixture.laptop + "/shared/program", 0o6755)
    _ = try await fixture.push()
    #expect(try fixture.status("shared").st_mode & 0o7777 == 0o2775)
    // What is made in a setgid directory inherits the bit, and must not keep it.
    #expect(try fixture.status("shared/inner").st_mode & 0o7777 == 0o755)
    #expect(try fixture.status("shared/program").st_mode & 0o7777 == 0o6755)
    try await fixture.expectEqualTrees()
    try fixture.write("shared/inner/new/deep", "2")
    chmod(fixture.laptop + "/shared/inner", 0o3777)
    _ = try await fixture.push()
    try await fixture.expectEqualTrees()
    #expect(try await fixture.push().changed == 0)
  }

  @Test(arguments: [0o000, 0o400, 0o444, 0o600, 0o777, 0o4755, 0o1644] as [mode_t])
  func everyModeArrives(mode: mode_t) async throws {
    let fixture = try Fixture()
    try fixture.write("file", "1")
    try fixture.write("changed", "1")
    chmod(fixture.laptop + "/file", mode)
    _ = try await fixture.push()
    chmod(fixture.laptop + "/changed", mode)
    _ = try await fixture.push()
    #expect(try fixture.status("file").st_mode & 0o7777 == mode)
    try await fixture.expectEqualTrees()
  }

  private static let times: [Int64] = [
    1, 999_999_999, 1_700_000_000_123_456_789, -1, -1_500_000_000, 4_102_444_800_000_000_001,
  ]

  @Test(arguments: AttributeTests.times) func timesArriveToTheNanosecond(time: Int64) async throws {
    let fixture = try Fixture()
    try fixture.write("d/file", "1")
    symlink("nowhere", fixture.laptop + "/d/link")
    for name in ["d/file", "d/link", "d"] {
      try Disk.setModified(AT_FDCWD, Array((fixture.laptop + "/" + name).utf8), time, name)
    }
    _ = try await fixture.push()
    for name in ["d/file", "d/link", "d"] {
      let stamp = FileStamp(try fixture.status(name))
      #expect(stamp.modified == time, "\(name)")
    }
    try await fixture.expectEqualTrees()
    #expect(try await fixture.push().changed == 0)
  }

  @Test func onlyADirectorysTimeChanges() async throws {
    let fixture = try Fixture()
    try fixture.write("d/file", "1")
    _ = try await fixture.push()
    try Disk.setModified(AT_FDCWD, Array((fixture.laptop + "/d").utf8), 1_234_567_890, "d")
    try await fixture.push().expectNoContent()
    try await fixture.expectEqualTrees()
  }

  @Test func aFileAsLongAsAWholeOneMayBeAndOneByteMore() async throws {
    let fixture = try Fixture()
    var generator = SeededGenerator(3)
    let whole = Int(Content.largestWhole)
    for (name, count) in [("less", whole - 1), ("whole", whole), ("more", whole + 1)] {
      try fixture.write(name, generator.noise(count))
    }
    let report = try await fixture.push()
    #expect(report.contentBytes == ByteCount(UInt64(3 * whole)))
    try await fixture.expectEqualTrees()
    // From one kind of content to the other, and back.
    try fixture.write("whole", try fixture.bytes("whole") + [7])
    try fixture.write("more", Array(try fixture.bytes("more").dropLast()))
    _ = try await fixture.push()
    try await fixture.expectEqualTrees()
    #expect(try await fixture.push().changed == 0)
  }
}
