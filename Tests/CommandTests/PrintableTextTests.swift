// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import RemoteBuildCommands

@Suite struct PrintableTextTests {
  @Test(arguments: [
    ("\u{1b}]0;title\u{7}x", "^[]0;title^Gx"), ("\u{1b}[2Jx", "^[[2Jx"), ("\u{9b}2J", "\\u{9b}2J"), ("\u{1b}", "^["),
    ("\u{1b}[", "^[["), ("a\u{8}b", "a^Hb"), ("a\u{7f}", "a^?"), ("a\u{202e}b\u{2066}c", "a\\u{202e}b\\u{2066}c"),
    ("one\rtwo", "two"), ("one\rtwo\r", "two"), ("1%\r\u{1b}[2K2%", "2%"), ("\u{1b}[Kx", "^[[Kx"), ("text\r\n", "text"),
    ("a\tb", "a       b"), ("\u{1b}c", "^[c"),
    ("\u{1b}[5mblink", "^[[5mblink"), ("\u{1b}[38;9mx", "^[[38;9mx"), ("\u{e0041}", "\\u{e0041}"), ("", ""), ("\r", ""),
    ("a\nb", "a^Jb"), ("e\u{301} 宽 🎉", "e\u{301} 宽 🎉"), ("\u{1b}[?25l", "^[[?25l"),
    ("\u{1b}P1$r\u{1b}\\", "^[P1$r^[\\"),
  ])
  func escapes(_ raw: String, _ shown: String) {
    #expect(PrintableText(raw, keepsColours: true).text == shown)
    #expect(PrintableText(raw, keepsColours: false).text == shown)
  }

  @Test(arguments: [
    "\u{1b}[31m", "\u{1b}[1;38;5;208m", "\u{1b}[38;2;1;2;3m", "\u{1b}[38:2::1:2:3m", "\u{1b}[97;104m", "\u{1b}[4:3m",
  ])
  func coloursAreKeptAndEnded(_ colour: String) {
    #expect(PrintableText(colour + "x", keepsColours: true).text == colour + "x\u{1b}[0m")
    #expect(PrintableText(colour + "x\u{1b}[m", keepsColours: true).text == colour + "x\u{1b}[m")
    #expect(PrintableText(colour + "x", keepsColours: false).text == "x")
  }

  @Test(arguments: [
    ("plain", 5), ("宽字", 4), ("e\u{301}", 1), ("🎉", 2), ("\u{1b}[31mred\u{1b}[0m", 3), ("", 0), ("▸ │ …", 5),
  ])
  func columns(_ text: String, _ columns: Int) { #expect(TextWidth.columns(text) == columns) }

  @Test func truncation() {
    #expect(TextWidth.truncated("abcdef", to: 6) == "abcdef")
    #expect(TextWidth.truncated("abcdef", to: 5) == "abcd…")
    #expect(TextWidth.truncated("宽字符", to: 4) == "宽…")
    #expect(TextWidth.truncated("abc", to: 0) == "")
    #expect(TextWidth.truncated("\u{1b}[31mabcdef", to: 3) == "\u{1b}[31mab…\u{1b}[0m")
    #expect(TextWidth.truncated("\u{1b}[31mabc\u{1b}[0m", to: 3) == "\u{1b}[31mabc\u{1b}[0m")
  }
}
