// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Delivery
@testable import RemoteBuildCommands

@Suite struct ViewTests {
  private static let style = Style(colours: false, home: "/home/ada")
  private static let coloured = Style(colours: true, home: "/home/ada")

  private func plain(_ run: SampleRun, _ style: Style = style, verbose: Bool = false) -> String {
    var lines = PlainLines(style: style, verbose: verbose)
    return run.events.flatMap { lines.lines(for: $0) }.map { $0 + "\n" }.joined()
  }

  @Test(arguments: SampleRun.names) func plainLines(_ name: String) throws {
    try assertSnapshot(plain(#require(SampleRun.named(name))), "plain-\(name)")
  }

  @Test func plainLinesVerbose() throws {
    try assertSnapshot(plain(.success, verbose: true), "plain-success-verbose")
  }

  @Test func jsonLines() throws {
    let lines = SampleRun.success.events.map { JSONView.line($0) + "\n" }.joined()
    try assertSnapshot(lines.replacing(/"time":"[^"]*"/, with: #""time":"…""#), "json-success")
  }

  @Test func jsonTimesHaveTheirDate() throws {
    var run = SampleRun()
    run.add(.warning(.init(message: "x")), after: 0.25)
    let object = try JSONSerialization.jsonObject(with: Data(JSONView.line(run.events[0]).utf8)) as? [String: Any]
    #expect(object?["time"] as? String == "2027-01-15T08:00:00.250Z")
  }

  @Test func jsonKeepsHostileTextAndObeysNone() throws {
    for event in SampleRun.hostile.events {
      let line = JSONView.line(event)
      #expect(line.unicodeScalars.allSatisfy(PrintableText.isSafe))
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      guard case .output(let output) = event.body else { continue }
      #expect(object["line"] as? String == output.line)
    }
  }

  /// Every line that a terminal gets keeps to printing and colours, and ends with no colour in force.
  @Test func hostileOutputMovesNothing() throws {
    let text = plain(.hostile, Self.coloured)
    try assertSnapshot(text, "plain-hostile-coloured")
    for line in text.split(separator: "\n") {
      var last = ""
      var scalars = Array(line.unicodeScalars)[...]
      while let scalar = scalars.first {
        if scalar == "\u{1b}" {
          let colour = try #require(ColourSequence(scalars))
          last = colour.text
          scalars = scalars.dropFirst(colour.length)
        } else {
          #expect(PrintableText.isSafe(scalar))
          scalars = scalars.dropFirst()
        }
      }
      #expect(last == "" || last == "\u{1b}[0m")
    }
  }

  @Test func outputLeftOutIsCounted() {
    var run = SampleRun()
    run.output(SampleRun.pip, "one", on: "ml-1")
    var lines = PlainLines(style: Self.style, verbose: false)
    for _ in 0..<3 { #expect(lines.lines(for: run.events[0], leavesOutOutput: true).isEmpty) }
    #expect(
      lines.lines(for: run.events[0]) == [
        "warning  3 lines of output left out here; the log has them", "         │ one",
      ])
    #expect(lines.lines(for: run.events[0]) == ["         │ one"])
  }
}
