// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Delivery
@testable import RemoteBuildCommands

@Suite struct LiveScreenTests {
  private static let style = Style(colours: true, home: "/home/ada")

  /// Shows a run with a frame after each event, and returns what is seen after each of `moments`, and at the end.
  private func watch(_ run: SampleRun, columns: Int, rows: Int = 24, moments: Set<Int>) -> String {
    var screen = LiveScreen(style: Self.style, verbose: false)
    var terminal = ScreenEmulator(columns: columns)
    let size = Terminal.Size(columns: columns, rows: rows)
    var seen = ""
    for (index, event) in run.events.enumerated() {
      screen.take(event)
      terminal.feed(screen.frame(size, now: event.time.addingTimeInterval(0.6)))
      if moments.contains(index) { seen += "--- after event \(index): \(event.name)\n" + terminal.text }
    }
    terminal.feed(screen.clear(size))
    #expect(terminal.unknown.isEmpty)
    #expect(terminal.cursorIsShown)
    return seen + "--- at the end\n" + terminal.text
  }

  private func moments(_ run: SampleRun) -> Set<Int> {
    Set(
      run.events.indices.filter { index in
        switch run.events[index].body {
        case .connected, .queued, .reconnecting: return true
        case .output(let output): return output.line.contains("Installing") || output.line.hasSuffix("already exists")
        default: return false
        }
      })
  }

  @Test(arguments: SampleRun.names, [80, 40]) func whatIsSeen(_ name: String, _ columns: Int) throws {
    let run = try #require(SampleRun.named(name))
    try assertSnapshot(watch(run, columns: columns, moments: moments(run)), "terminal-\(name)-\(columns)")
  }

  @Test(arguments: [20, 33, 40, 61, 80, 200]) func liveLinesFit(_ columns: Int) {
    var checked = 0
    for name in SampleRun.names {
      var screen = LiveScreen(style: Self.style, verbose: false)
      let size = Terminal.Size(columns: columns, rows: 24)
      for event in SampleRun.named(name)?.events ?? [] {
        screen.take(event)
        // The lines that stay go first; the second frame, a minute later, redraws the live ones alone.
        _ = screen.frame(size, now: event.time)
        let frame = screen.frame(size, now: event.time.addingTimeInterval(60))
        guard let start = frame.firstIndex(of: "A") else { continue }
        for line in frame[frame.index(after: start)...].components(separatedBy: "\u{1b}[K\n").dropLast() {
          #expect(TextWidth.columns(line) < columns)
          checked += 1
        }
      }
    }
    #expect(checked > 20)
  }

  @Test func nothingIsWrittenWhenNothingChanges() {
    var screen = LiveScreen(style: Self.style, verbose: false)
    for event in SampleRun.success.events.prefix(9) { screen.take(event) }
    #expect(!screen.frame(.usual, now: SampleRun.start.addingTimeInterval(2)).isEmpty)
    #expect(screen.frame(.usual, now: SampleRun.start.addingTimeInterval(2)).isEmpty)
  }

  @Test func aFailureWithoutDetailsShowsTheStepsLastLines() throws {
    var run = SampleRun()
    run.plan(["ml-1"])
    run.sync("ml-1")
    run.job("ml-1")
    run.step(7, SampleRun.pip, .started, 0, on: "ml-1")
    for number in 1...20 { run.output(SampleRun.pip, "line \(number)", on: "ml-1") }
    run.step(7, SampleRun.pip, .failed, 3, on: "ml-1")
    run.add(.failed(DeliveryError(.failed, host: "ml-1", "failed: \(SampleRun.pip)")), on: "ml-1")
    let seen = watch(run, columns: 80, moments: [])
    #expect(!seen.contains("│ line 8\n"))
    #expect(seen.contains("│ line 9\n"))
    #expect(seen.contains("│ line 20\n"))
  }

  @Test func moreHostsThanRows() {
    var run = SampleRun()
    run.plan((1...30).map { "host-\($0)" })
    var screen = LiveScreen(style: Style(), verbose: false)
    for event in run.events { screen.take(event) }
    let size = Terminal.Size(columns: 60, rows: 10)
    var terminal = ScreenEmulator(columns: 60)
    terminal.feed(screen.frame(size, now: SampleRun.start))
    #expect(terminal.text.contains("… and 23 more"))
    #expect(!terminal.text.contains("sync     host-8 "))
  }

  @Test func aNarrowerTerminalIsClearedWhole() {
    var screen = LiveScreen(style: Style(), verbose: false)
    for event in SampleRun.success.events.prefix(16) { screen.take(event) }
    // While pip's output is shown, the line is nearly as wide as the window.
    _ = screen.frame(Terminal.Size(columns: 80, rows: 24), now: SampleRun.start.addingTimeInterval(1))
    // The one live line was broken into two by the narrower window.
    let narrow = screen.frame(Terminal.Size(columns: 40, rows: 24), now: SampleRun.start.addingTimeInterval(1))
    #expect(narrow.hasPrefix("\r\u{1b}[2A"))
  }
}
