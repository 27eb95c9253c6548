// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing
import Vocabulary

@testable import RemoteKit

@Suite(.enabled(if: ScriptedServer.isPossible, "needs python3-paramiko")) struct KeyboardTests {
  typealias Round = ScriptedServer.Round

  private func refusal(
    _ server: ScriptedServer, _ ask: @escaping @Sendable (Question) async -> [String]?
  ) async throws -> RemoteError {
    let error = await #expect(throws: RemoteError.self) { try await server.logIn(ask) }
    return try #require(error)
  }

  @Test func severalPromptsWithEchoAndRoundsWithoutAny() async throws {
    let rounds = [
      Round(
        name: "Two steps", instruction: "Read the\nnotice", prompts: ["User id: ", "PIN: "], echoes: [true, false],
        expect: ["42", "päss"]),
      Round(instruction: "Nearly there"), Round(),
      Round(prompts: ["Code: "], echoes: [true], expect: ["99"]),
    ]
    try await ScriptedServer.with(.init(rounds: rounds)) { server in
      let asked = Mutex<[Question]>([])
      try await server.logIn { question in
        asked.withLock { $0.append(question) }
        return question.prompts.map { ["User id: ": "42", "PIN: ": "päss", "Code: ": "99"][$0.text] ?? "" }
      }
      let title = "lab: login as deploy"
      #expect(
        asked.withLock { $0 } == [
          Question(
            heading: [title, "  Two steps", "  Read the", "  notice"],
            prompts: [.init("User id: ", echoes: true), .init("PIN: ", echoes: false)]),
          // A round without words and prompts is not worth a line.
          Question(heading: [title, "  Nearly there"], prompts: []),
          Question(heading: [title], prompts: [.init("Code: ", echoes: true)]),
        ])
    }
  }

  @Test func wrongAnswersAreAskedForAgain() async throws {
    let rounds = [Round(prompts: ["Password: "], echoes: [false], expect: ["right"])]
    try await ScriptedServer.with(.init(rounds: rounds)) { server in
      let asked = Mutex(0)
      let answers: [String] = ["wrong", "also wrong", "right"]
      try await server.logIn { _ in
        asked.withLock { number in
          number += 1
          return [answers[number - 1]]
        }
      }
      #expect(asked.withLock { $0 } == 3)
      try server.configure("PubkeyAuthentication no\nNumberOfPasswordPrompts 2")
      asked.withLock { $0 = 0 }
      let error = try await refusal(server) { _ in
        asked.withLock { number in
          number += 1
          return [answers[number - 1]]
        }
      }
      #expect(asked.withLock { $0 } == 2)
      #expect(error.code == .authenticationRefused)
      #expect(error.message.contains("keyboard-interactive: refused 2 times"))
    }
  }

  @Test func nobodyIsAskedWhereNobodyIs() async throws {
    let rounds = [Round(prompts: ["Password: "], echoes: [false], expect: ["right"])]
    try await ScriptedServer.with(.init(ways: "keyboard-interactive,password", rounds: rounds)) { server in
      let asked = Mutex(0)
      let error = try await refusal(server) { _ in
        asked.withLock { $0 += 1 }
        return nil
      }
      #expect(asked.withLock { $0 } == 2)
      #expect(error.message.contains("keyboard-interactive: no answer was given"))
      #expect(error.message.contains("password: none was given"))
      try server.configure("BatchMode yes\nPubkeyAuthentication no")
      asked.withLock { $0 = 0 }
      let other = try await refusal(server) { _ in
        asked.withLock { $0 += 1 }
        return ["right"]
      }
      #expect(asked.withLock { $0 } == 0)
      #expect(other.message.contains("BatchMode is on"))
      try server.configure("KbdInteractiveAuthentication no\nPasswordAuthentication no\nPubkeyAuthentication no")
      let last = try await refusal(server) { _ in ["right"] }
      #expect(last.message.contains("keyboard-interactive: switched off in the ssh configuration"))
      #expect(last.message.contains("password: switched off in the ssh configuration"))
    }
  }

  @Test func theConfigurationSaysTheOrder() async throws {
    let rounds = [Round(prompts: ["Code: "], echoes: [false], expect: ["right"])]
    try await ScriptedServer.with(.init(ways: "keyboard-interactive,password", rounds: rounds, password: "pw")) {
      server in
      try server.configure("PreferredAuthentications password,keyboard-interactive")
      let asked = Mutex<[String]>([])
      try await server.logIn { question in
        asked.withLock { $0 += question.prompts.map(\.text) }
        return ["pw"]
      }
      #expect(asked.withLock { $0 } == ["lab: password of deploy: "])
    }
  }

  @Test func answersMayBeOneStepOfTwo() async throws {
    let rounds = [Round(prompts: ["Code: "], echoes: [false], expect: ["right"])]
    let script = ScriptedServer.Script(rounds: rounds, password: "pw", then: "password")
    try await ScriptedServer.with(script) { server in
      let asked = Mutex<[String]>([])
      try await server.logIn { question in
        asked.withLock { $0 += question.prompts.map(\.text) }
        return [question.prompts[0].text == "Code: " ? "right" : "pw"]
      }
      #expect(asked.withLock { $0 } == ["Code: ", "lab: password of deploy: "])
      let error = try await refusal(server) { $0.prompts[0].text == "Code: " ? ["right"] : nil }
      #expect(error.message.contains("keyboard-interactive: accepted"))
      #expect(error.message.contains("the server took that, and wants besides: password"))
    }
  }

  @Test func aServerThatNeverEndsIsGivenUp() async throws {
    let rounds = [Round(prompts: ["More: "], echoes: [true])]
    try await ScriptedServer.with(.init(rounds: rounds, isEndless: true)) { server in
      let error = try await refusal(server) { _ in ["more"] }
      #expect(error.code == .authenticationRefused)
      #expect(error.message.contains("asked more than 32 times"))
    }
  }

  /// libssh2 1.10 copies a name as long as the server says it is.
  @Test(arguments: [30_000, 39_000, 100_000, 0x7fff_fff0]) func aLieAboutALengthHarmsNothing(_ length: Int) async throws
  {
    try await ScriptedServer.with(.init(rounds: [Round()], lie: length)) { server in
      try server.configure("PubkeyAuthentication no\nConnectTimeout 2")
      _ = try await refusal(server) { question in question.prompts.map { _ in "" } }
    }
  }

  @Test func aCancelledLoginDoesNotWaitForItsAnswer() async throws {
    let rounds = [Round(prompts: ["Code: "], echoes: [false], expect: ["right"])]
    try await ScriptedServer.with(.init(rounds: rounds)) { server in
      let (asked, isAsked) = AsyncStream.makeStream(of: Void.self)
      let login = Task {
        try await server.logIn { _ in
          isAsked.yield()
          // Until it is cancelled: nobody ever answers.
          try? await Task.sleep(for: .seconds(3600))
          return ["right"]
        }
      }
      for await _ in asked { break }
      login.cancel()
      await #expect(throws: RemoteError.self) { try await login.value }
    }
  }
}
