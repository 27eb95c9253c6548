// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import RemoteBuildCommands

@Suite struct ReportTests {
  @Test(arguments: [
    (0, "0.00 s"), (0.207, "0.21 s"), (0.999, "1.0 s"), (1.04, "1.0 s"), (47.46, "47.5 s"), (59.96, "1m00s"),
    (123.4, "2m03s"),
    (3599.7, "1h00m"), (3_840, "1h04m"), (360_000, "100h00m"), (-1, "0.00 s"), (.nan, "0.00 s"), (.infinity, "0.00 s"),
  ])
  func elapsed(_ seconds: Double, _ text: String) { #expect(ElapsedTime(seconds).description == text) }

  @Test func runningClock() {
    #expect(ElapsedTime(0.9).clock == "0 s")
    #expect(ElapsedTime(59.9).clock == "59 s")
    #expect(ElapsedTime(72).clock == "1m12s")
  }

  @Test(arguments: [(0, "0"), (7, "7"), (999, "999"), (4812, "4 812"), (1_234_567, "1 234 567"), (-1000, "-1 000")])
  func counts(_ number: Int, _ text: String) { #expect(Count(number).description == text) }

  @Test(arguments: [
    ("/home/ada/x", "~/x"), ("the log: /home/ada/x", "the log: ~/x"), ("/home/adam/x", "/home/adam/x"),
    ("/home/ada", "~"),
    ("/mnt/home/ada/x", "/mnt/home/ada/x"), ("cp /home/ada/x /home/ada/y", "cp ~/x ~/y"),
  ])
  func homeIsShort(_ text: String, _ shown: String) { #expect(Style(home: "/home/ada").plain(text) == shown) }

  @Test func coloursFollowTheTerminal() {
    #expect(Terminal(errorIsTerminal: true).style(.auto).colours)
    #expect(!Terminal(errorIsTerminal: false).style(.auto).colours)
    #expect(!Terminal(errorIsTerminal: true, isCapable: false).style(.auto).colours)
    #expect(!Terminal(errorIsTerminal: true, allowsColours: false).style(.auto).colours)
    #expect(!Terminal(errorIsTerminal: true).style(.plain).colours)
    #expect(Terminal(errorIsTerminal: false).style(.tty).colours)
    #expect(!Terminal(environment: ["NO_COLOR": "1", "TERM": "xterm"]).allowsColours)
    #expect(Terminal(environment: ["NO_COLOR": "", "TERM": "xterm"]).allowsColours)
    #expect(!Terminal(environment: ["TERM": "dumb"]).isCapable)
  }

  @Test func theModeChoosesTheView() {
    func view(_ mode: ProgressMode, tty: Bool, json: Bool = false) -> any ProgressView {
      mode.view(json: json, verbose: false, console: Console(terminal: Terminal(errorIsTerminal: tty)))
    }
    #expect(view(.auto, tty: true) is TerminalView)
    #expect(view(.auto, tty: false) is PlainView)
    #expect(view(.plain, tty: true) is PlainView)
    #expect(view(.tty, tty: false) is TerminalView)
    #expect(view(.none, tty: true) is SilentView)
    #expect(view(.auto, tty: true, json: true) is JSONView)
  }
}
