// SPDX-License-Identifier: Apache-2.0

import Foundation
import Jobs
import SystemPackage
import Testing

@testable import Delivery

/// The parts of following a job that need no host.
@Suite struct JobFollowingTests {
  @Test func theWaitsGrowAndAreBounded() {
    for failures in [1, 2, 5, 8, 60, 100_000] {
      let most = min(30, 0.25 * pow(2, Double(min(failures, 40) - 1)))
      for _ in 0..<100 { #expect((0.05 * most...most).contains(Reconnection.delay(after: failures))) }
    }
  }

  @Test func aPlaceIsToldWhenItChanges() {
    func note(_ phase: JobPhase, _ position: Int? = nil) -> TailNote {
      TailNote(offset: 0, kept: 0, phase: phase, position: position)
    }
    var place = QueuePlace()
    let notes = [
      note(.queued), note(.queued, 2), note(.queued, 2), note(.queued, 1), note(.running), note(.running),
      note(.pushed),
    ]
    #expect(notes.compactMap { place.take($0) } == [2, 1, 0])
    var other = QueuePlace()
    #expect([note(.running), note(.pushed)].compactMap { other.take($0) } == [])
  }

  @Test func aCopyKeepsTheNumbersAndHasOneWriter() throws {
    let path = FilePath(NSTemporaryDirectory()).appending("remote-build-copy-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(atPath: path.string) }
    do {
      let copy = try LogCopy(path)
      try copy.append(Array("one\n".utf8))
      try copy.skip(to: 10)
      try copy.append(Array("two\n".utf8))
      #expect(copy.end == 14)
      // Who follows beside it shows what comes, and writes nothing.
      let other = try LogCopy(path)
      try other.append(Array("three\n".utf8))
      try other.skip(to: 100)
      #expect(other.end == 100)
    }
    let again = try LogCopy(path)
    #expect(again.end == 14)
    var bytes: [UInt8] = []
    try again.read { bytes += $0 }
    #expect(bytes == Array("one\n".utf8) + [0, 0, 0, 0, 0, 0] + Array("two\n".utf8))
  }

  @Test func aLastLineWithoutAnEndIsToldAndHalfAOneIsNot() {
    var transcript = BuildTranscript()
    #expect(transcript.read(Array("denied: no".utf8)).isEmpty)
    #expect(transcript.finish().count == 1)
    #expect(transcript.lastLines == ["denied: no"])
    #expect(transcript.finish().isEmpty)
    #expect(transcript.read(Array("half of".utf8)).isEmpty)
    transcript.skip()
    #expect(transcript.read(Array("whole\n".utf8)).count == 1)
    #expect(transcript.lastLines == ["denied: no", "whole"])
  }

  @Test func bytesThatAreNoTextAreToldAsText() {
    var transcript = BuildTranscript()
    let events = transcript.read([0xff, 0xfe, 0x1b] + Array("]0;title\u{7} 10%\r20%\n".utf8))
    guard case .output(let output)? = events.first else {
      Issue.record("\(events)")
      return
    }
    #expect(output.line == "\u{fffd}\u{fffd}\u{1b}]0;title\u{7} 10%\r20%")
  }
}
