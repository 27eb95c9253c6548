// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import RemoteBuildCommands

/// What `logs` understands, and how it shows what it prints.
@Suite struct LogsTests {
  @Test(arguments: [("90", 90.0), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172_800)])
  func aDurationIsSoLongAgo(_ text: String, _ seconds: Double) {
    #expect(Since(argument: text) == .ago(seconds: seconds))
  }

  @Test func aTimeIsAMoment() throws {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = try #require(TimeZone(secondsFromGMT: 3600))
    let now = Date(timeIntervalSince1970: 1_769_860_800)  // 2026-01-31T12:00:00Z
    func time(_ text: String) -> Double? { Since.time(text, now: now, calendar)?.timeIntervalSince1970 }
    #expect(time("2026-01-31T12:00:00Z") == 1_769_860_800)
    #expect(time("2026-01-31T13:00:00") == 1_769_860_800)
    #expect(time("2026-01-31 13:00") == 1_769_860_800)
    #expect(time("13:00:05") == 1_769_860_805)
    #expect(time("2026-01-31") == 1_769_814_000)
    for text in ["", "yesterday", "25:00", "2026-01", "12:00 2026-01-31", "1:2:3:4"] {
      #expect(time(text) == nil, "\(text)")
    }
    #expect(Since.at(now).secondsAgo(now + 60) == 60)
    #expect(Since.at(now).secondsAgo(now - 60) == 0)
  }

  @Test(arguments: ["", "m", "10", "-5m", "5x", "10m5"]) func whatIsNone(_ text: String) {
    #expect((Since.duration(text) == nil) == (text != "10"))
  }

  @Test func linesComeWholeHoweverTheyAreCut() {
    var rest: [UInt8] = []
    #expect(LogSink.lines(Array("one\ntw".utf8), &rest) == [Array("one".utf8)])
    #expect(LogSink.lines(Array("o\n\nthree".utf8), &rest) == [Array("two".utf8), []])
    #expect(rest == Array("three".utf8))
    // A line without end is no reason to keep all of it.
    let parts = LogSink.lines([UInt8](repeating: 120, count: 200_000), &rest)
    #expect(parts.map(\.count) == [65_536, 65_536, 65_536] && rest.count == 200_005 - 3 * 65_536)
  }
}
