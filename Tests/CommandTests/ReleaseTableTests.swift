// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Delivery
@testable import RemoteBuildCommands

@Suite struct ReleaseTableTests {
  private func table(_ width: Int?, colours: Bool = false) -> String {
    ReleaseTable(
      SampleRun.releases, style: Style(colours: colours), now: SampleRun.start, width: width
    ).lines.map { $0 + "\n" }.joined()
  }

  @Test(arguments: [40, 80, 120]) func asWideAsTheTerminal(_ columns: Int) throws {
    let text = table(columns)
    try assertSnapshot(text, "releases-\(columns)")
    for line in text.split(separator: "\n") { #expect(TextWidth.columns(String(line)) <= columns) }
  }

  @Test func inAPipeNothingIsCut() throws { try assertSnapshot(table(nil), "releases") }

  @Test func withColours() throws { try assertSnapshot(table(120, colours: true), "releases-coloured") }

  @Test(arguments: [
    (-5, "now"), (59, "now"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (172_799, "47 h"), (172_800, "2 d"),
    (64e6, "2 y"),
  ])
  func ages(_ seconds: Double, _ text: String) {
    #expect(Age(since: SampleRun.start.addingTimeInterval(-seconds), now: SampleRun.start).description == text)
  }
}
