// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Vocabulary

@testable import Sync

@Suite struct BigFileTests {
  private static let content: [UInt8] = {
    var generator = SeededGenerator(4)
    return generator.noise(8 << 20)
  }()

  /// Pushes 8 MiB, edits them, and pushes again.
  private func afterEdit(_ edit: (Fixture, [UInt8]) throws -> Void) async throws -> (Fixture, PushReport) {
    let fixture = try Fixture()
    try fixture.write("big", Self.content)
    _ = try await fixture.push()
    try edit(fixture, Self.content)
    let report = try await fixture.push()
    try await fixture.expectEqualTrees()
    #expect(try await fixture.push().changed == 0)
    return (fixture, report)
  }

  @Test func oneByteInFront() async throws {
    let (_, report) = try await afterEdit { try $0.write("big", [1] + $1) }
    #expect(report.bytesSent < ByteCount(600_000))
  }

  @Test func anEditInTheMiddle() async throws {
    let (_, report) = try await afterEdit { fixture, bytes in
      var bytes = bytes
      bytes[4 << 20] ^= 1
      try fixture.write("big", bytes)
    }
    #expect(report.bytesSent < ByteCount(600_000))
  }

  @Test func truncated() async throws {
    let (_, report) = try await afterEdit { try $0.write("big", Array($1.prefix(5_000_000))) }
    #expect(report.bytesSent < ByteCount(300_000))
  }

  @Test func truncatedToAWholeOne() async throws {
    let (_, report) = try await afterEdit { try $0.write("big", Array($1.prefix(100_000))) }
    #expect(report.contentBytes <= ByteCount(100_000))
  }

  @Test func grown() async throws {
    let (_, report) = try await afterEdit { try $0.write("big", $1 + Array($1.prefix(1000))) }
    #expect(report.bytesSent < ByteCount(300_000))
  }

  @Test func movedAndEdited() async throws {
    let (_, report) = try await afterEdit { fixture, bytes in
      try fixture.remove("big")
      try fixture.write("elsewhere/large", Array(bytes.prefix(1_000_000)) + [1, 2, 3] + bytes.dropFirst(1_000_000))
    }
    #expect(report.bytesSent < ByteCount(600_000))
  }

  @Test func moved() async throws {
    let (_, report) = try await afterEdit { fixture, _ in
      mkdir(fixture.laptop + "/elsewhere", 0o755)
      try fixture.rename("big", "elsewhere/large")
    }
    #expect(report.contentBytes == .zero)
  }

  @Test func turnedAround() async throws {
    let (_, report) = try await afterEdit { try $0.write("big", Array($1[(4 << 20)...] + $1[..<(4 << 20)])) }
    #expect(report.bytesSent < ByteCount(900_000))
  }

  @Test func chunksThatTwoNewFilesShareAreFoundInTheOldOne() async throws {
    let (_, report) = try await afterEdit { fixture, bytes in
      try fixture.write("second", bytes + [1])
      try fixture.write("third", [2] + bytes)
    }
    #expect(report.bytesSent < ByteCount(1_200_000))
  }

  @Test func chunksThatTwoNewFilesShareBothArrive() async throws {
    let fixture = try Fixture()
    try fixture.write("a", Self.content + [1])
    try fixture.write("b", [2] + Self.content)
    _ = try await fixture.push()
    try await fixture.expectEqualTrees()
  }

  @Test func twoBigFilesSwapNamesAndOneIsEdited() async throws {
    let fixture = try Fixture()
    var generator = SeededGenerator(5)
    let (one, two) = (generator.noise(2 << 20), generator.noise(2 << 20))
    try fixture.write("a", one)
    try fixture.write("b", two)
    _ = try await fixture.push()
    try fixture.write("a", two + [1])
    try fixture.write("b", [1] + one)
    let report = try await fixture.push()
    #expect(report.bytesSent < ByteCount(1_200_000))
    try await fixture.expectEqualTrees()
  }
}
