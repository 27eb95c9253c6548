// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Vocabulary

@testable import Delivery
@testable import RemoteBuildCommands

@Suite struct AskPassTests {
  /// As ssh(1) has it.
  @Test(arguments: [
    ([:], AskPass.Use.never), (["DISPLAY": ":0"], .withoutTerminal), (["WAYLAND_DISPLAY": "w"], .withoutTerminal),
    (["SSH_ASKPASS_REQUIRE": "force"], .always), (["SSH_ASKPASS_REQUIRE": "prefer"], .never),
    (["SSH_ASKPASS_REQUIRE": "Prefer", "DISPLAY": ":0"], .always),
    (["SSH_ASKPASS_REQUIRE": "never", "DISPLAY": ":0"], .never),
  ])
  func whenItIsTaken(environment: [String: String], use: AskPass.Use) {
    #expect(AskPass(environment: environment).use == use)
  }

  @Test func itsFirstLineIsTheAnswer() {
    #expect(AskPass(environment: ["SSH_ASKPASS": "/bin/echo"]).ask("PIN: \nmore") == "PIN: ")
  }

  @Test func aFailureIsNoAnswer() {
    #expect(AskPass(environment: ["SSH_ASKPASS": "/bin/false"]).ask("PIN: ") == nil)
    #expect(AskPass(environment: ["SSH_ASKPASS": "/nonexistent"]).ask("PIN: ") == nil)
  }

  /// What a host says reaches the program harmless, and before what is to be answered.
  @Test func aHostsWordsAreEscaped() async throws {
    let view = SilentView(style: Style(), console: Console(terminal: Terminal(environment: [:])))
    let prompt = try #require(
      TerminalPrompt(view: view, environment: ["SSH_ASKPASS": "/bin/echo", "SSH_ASKPASS_REQUIRE": "force"]))
    let question = Question(
      heading: ["ml-1: \u{1b}]0;title\u{7}\u{202e}"], prompts: [.init("Notice\nCode: ", echoes: true), .init("PIN: ")])
    let answers = try #require(await prompt.ask(question))
    #expect(answers.count == 2)
    for answer in answers {
      #expect(answer.hasPrefix("ml-1: "))
      #expect(!answer.unicodeScalars.contains { $0.value < 32 || $0 == "\u{202e}" })
    }
    // Words without a question are shown, and need no answer.
    #expect(await prompt.ask(Question(heading: ["Welcome"], prompts: [])) == [])
  }
}
