// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing
import Wire

@testable import Jobs

#if canImport(Glibc)
  import Glibc
#endif

/// The log: its bound, its pieces, the bytes' numbers, and what is told of them.
@Suite struct JobLogTests {
  private static let limit = 256 << 10

  private func job(_ id: String, _ script: String) -> JobSpec {
    var spec = JobSpec.shell(id, script)
    spec.logLimit = Self.limit
    return spec
  }

  @Test func aLongLogKeepsItsEndAndItsNumbers() async throws {
    try await TestHost.with { host in
      // 100,000 lines of 16 bytes: each says which byte it begins with.
      let script = "awk 'BEGIN { for (i = 0; i < 100000; i++) printf \"%015d\\n\", i * 16 }'"
      try await host.withClient { try await $0.start(job("01A", script)) }
      #expect(try await host.end(of: "01A").phase == .pushed)
      let log = try host.store.directory("01A").log
      let kept = try host.log(of: "01A")
      #expect(kept.count <= Self.limit && kept.count >= Self.limit * 3 / 4)
      #expect(log.end == 1_600_000)
      #expect(log.start == log.end - UInt64(kept.count) && log.start > 0)

      // Whoever comes late is told what is gone, and reads on from a byte with the right number.
      var notes: [TailNote] = []
      var late: [UInt8] = []
      let status = try await host.withClient { client in
        try await client.tail("01A", from: 32, note: { notes.append($0) }, each: { late += $0 })
      }
      #expect(status.phase == .pushed)
      #expect(notes.first == TailNote(offset: 32, kept: log.start, phase: .pushed))
      #expect(notes.last == TailNote(offset: log.start, kept: log.start, phase: .pushed))
      #expect(late == kept)
      let firstLine = String(decoding: late.drop { $0 != 10 }.dropFirst().prefix(15), as: UTF8.self)
      let skipped = late.prefix { $0 != 10 }.count + 1
      #expect(Int(firstLine) == Int(log.start) + skipped)
    }
  }

  @Test func whoFollowsSeesEveryByteOfALongLogAndHearsOfItsBound() async throws {
    try await TestHost.with { host in
      let gate = try host.gate()
      try await host.withClient { client in
        // A piece at a time, so that the reader keeps up: it opens the gate for the next.
        let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do head -c 40000 /dev/urandom; \(gate.waiting); done"
        try await client.start(job("01A", script))
        var (seen, notes) = (0, [TailNote]())
        let status = try await client.tail(
          "01A", note: { notes.append($0) },
          each: { bytes in
            let before = seen / 40000
            seen += bytes.count
            for _ in before..<(seen / 40000) { try gate.open() }
          })
        #expect(status.phase == .pushed)
        #expect(seen == 480_000)
        #expect(notes.allSatisfy { $0.offset <= 480_000 && $0.offset >= $0.kept })
        #expect(notes.contains { $0.kept > 0 })
      }
    }
  }

  @Test func aReaderOfAPieceThatGoesReadsItToItsEnd() throws {
    let directory = try temporaryDirectory()
    defer { SmallFile.removeTree(directory) }
    let log = JobLog(directory: directory)
    try SmallFile.create(log.first, with: [])
    let writer = try JobLogWriter(log, limit: JobLog.leastLimit)
    func write(_ byte: UInt8, _ count: Int) throws {
      try [UInt8](repeating: byte, count: count).withUnsafeBytes { try writer.append($0) }
    }
    try write(1, 4000)
    let reader = JobLogReader(log, at: 0)
    #expect(try reader.next(upTo: 1000) == .bytes([UInt8](repeating: 1, count: 1000)))
    // Nine pieces more: the one that is being read is gone, and the next but one too.
    try write(2, 9 * 4096)
    #expect(log.start == 2 * 4096)
    var read = 1000
    while case .bytes(let bytes)? = try reader.next(upTo: 1000), read < 4096 { read += bytes.count }
    #expect(read == 4096)
    #expect(reader.offset == log.start)
    var rest = 0
    while case .bytes(let bytes)? = try reader.next(upTo: 5000) { rest += bytes.count }
    #expect(UInt64(rest) == log.end - log.start)
    #expect(try reader.next(upTo: 10) == nil)
  }

  @Test func aLogIsReadFromAMoment() throws {
    let directory = try temporaryDirectory()
    defer { SmallFile.removeTree(directory) }
    let log = JobLog(directory: directory)
    var times = JobLogTimes(log.times)
    for second in 0..<10_000 { times.note(UInt64(second) * 10, at: 1000 + Double(second)) }
    #expect(try SmallFile.read(log.times, limit: 1 << 20).count < 4000 * 16)
    #expect(JobLogTimes(log.times).offset(at: 999) == 0)
    for second in [1.0, 100, 5000, 9999] {
      let found = Double(JobLogTimes(log.times).offset(at: 1000 + second)) / 10
      #expect(found <= second && found >= second - max(1, second / 512) - 1, "\(found) for \(second)")
    }
  }

  @Test func whatWasPrintedBeforeIsLeftOut() async throws {
    try await TestHost.with { host in
      try await host.withClient { client in
        try await client.start(.shell("01A", "echo one"))
        _ = try await client.tail("01A") { _ in }
        var notes: [TailNote] = []
        var log: [UInt8] = []
        // In the last hour all of it, in the last no time nothing.
        try await client.log("01A", last: 3600, follow: false, note: { notes.append($0) }, each: { log += $0 })
        #expect(String(decoding: log, as: UTF8.self) == "one\n" && notes.first?.offset == 0)
        (notes, log) = ([], [])
        try await client.log("01A", last: -3600, follow: true, note: { notes.append($0) }, each: { log += $0 })
        #expect(log.isEmpty && notes.first?.offset == 4)
      }
    }
  }

  @Test func whatIsNoTextStaysAsItIs() async throws {
    try await TestHost.with { host in
      let hostile = #"printf '\377\376\000 bar 10%%\r bar 20%%\r\033]0;title\007\033[2Jno end'"#
      try await host.withClient { try await $0.start(.shell("01A", hostile)) }
      #expect(try await host.end(of: "01A").phase == .pushed)
      let expected: [UInt8] = [0xff, 0xfe, 0] + Array(" bar 10%\r bar 20%\r\u{1b}]0;title\u{7}\u{1b}[2Jno end".utf8)
      #expect(try host.log(of: "01A") == expected)
    }
  }

  private func temporaryDirectory() throws -> FilePath {
    var template = Array("/tmp/remote-build-log-test.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    return FilePath(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }
}
