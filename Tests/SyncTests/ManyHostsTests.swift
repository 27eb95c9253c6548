// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import SystemPackage
import Testing
import Vocabulary
import Wire

@testable import Sync

/// One scan, pushed to several hosts; and one push over several channels.
@Suite struct ManyHostsTests {
  private func sample(_ fixture: Fixture) throws {
    for index in 0..<40 { try fixture.write("small/\(index)", ChunkTests.bytes(100_000, seed: UInt64(index))) }
    try fixture.write("big", ChunkTests.bytes(6 << 20, seed: 99))
  }

  private func push(_ scan: Scan, to host: String, _ fixture: Fixture) -> WorkspacePush {
    WorkspacePush(
      scan: scan, host: host, call: PushCall(workspace: "\(fixture.top)/\(host)", options: Fixture.options),
      ancestors: fixture.ancestors)
  }

  @Test func whatSeveralHostsNeedIsReadOnce() async throws {
    let fixture = try Fixture()
    try sample(fixture)
    let scan = try await fixture.scan()
    let hosts = (1...4).map { "host-\($0)" }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for host in hosts {
        group.addTask {
          _ = try await fixture.withAgent { try await push(scan, to: host, fixture).run(over: $0) }
        }
      }
      try await group.waitForAll()
    }
    let laptop = try fixture.listing(fixture.laptop)
    for host in hosts { #expect(try fixture.listing("\(fixture.top)/\(host)") == laptop) }
    // No more packs were made for all of them than for one host alone.
    let alone = try await fixture.scan()
    _ = try await fixture.withAgent { try await push(alone, to: "host-5", fixture).run(over: $0) }
    #expect(await alone.packs.made > 5)
    #expect(await scan.packs.made == alone.packs.made)
  }

  @Test func aHostThatFallsBehindReadsByItself() async throws {
    let fixture = try Fixture()
    for index in 0..<30 { try fixture.write("f\(index)", ChunkTests.bytes(1 << 20, seed: UInt64(index))) }
    let scan = try await fixture.scan()
    _ = try await fixture.withAgent { try await push(scan, to: "host-1", fixture).run(over: $0) }
    _ = try await fixture.withAgent { try await push(scan, to: "host-2", fixture).run(over: $0) }
    let laptop = try fixture.listing(fixture.laptop)
    for host in ["host-1", "host-2"] { #expect(try fixture.listing("\(fixture.top)/\(host)") == laptop) }
  }

  @Test func bigFilesGoOverFurtherChannels() async throws {
    let fixture = try Fixture()
    try fixture.write("big", ChunkTests.bytes(40 << 20, seed: 7))
    try fixture.write("small", "x")
    let scan = try await fixture.scan()
    let opened = Atomic<Int>(0)
    let report = try await fixture.withAgent { connection in
      try await fixture.withAgent { further in
        try await push(scan, to: "host-1", fixture).run(
          over: connection,
          channels: {
            // The first is slow to open, as over a long line; there are no more than it.
            guard opened.add(1, ordering: .relaxed).oldValue == 0 else { throw WireError(.closed, "no more sessions") }
            return further
          })
      }
    }
    #expect(opened.load(ordering: .relaxed) >= 1)
    #expect(report.contentBytes == ByteCount(40 << 20 | 1))
    #expect(report.bytesSent > ByteCount(40 << 20))
    #expect(try fixture.listing("\(fixture.top)/host-1") == fixture.listing(fixture.laptop))
  }

  @Test func withoutFurtherChannelsBigFilesGoOverTheFirst() async throws {
    let fixture = try Fixture()
    try fixture.write("big", ChunkTests.bytes(33 << 20, seed: 8))
    let scan = try await fixture.scan()
    _ = try await fixture.withAgent { connection in
      try await push(scan, to: "host-1", fixture).run(
        over: connection, channels: { throw WireError(.closed, "no sessions") })
    }
    #expect(try fixture.listing("\(fixture.top)/host-1") == fixture.listing(fixture.laptop))
  }
}
