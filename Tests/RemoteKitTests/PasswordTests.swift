// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing
import Vocabulary

@testable import RemoteKit

/// Passwords and logins in several steps, at servers that have an account of their own.
@Suite(.enabled(if: Sshd.Account.isPossible, "needs root for an account of its own")) struct PasswordTests {
  private static let account = Sshd.Account(password: "öpen sesame")
  private static let pam = Sshd.Account(
    password: "öpen sesame",
    pam: "auth required pam_echo.so Welcome\nauth required pam_unix.so\naccount required pam_permit.so\n"
      + "session required pam_permit.so")

  private func logIn(_ server: Sshd, _ options: ConnectionOptions) async throws {
    try await HostConnection.connect(host: server.host, options: options).close()
  }

  private func refusal(_ server: Sshd, _ options: ConnectionOptions) async throws -> RemoteError {
    let error = await #expect(throws: RemoteError.self) { try await logIn(server, options) }
    return try #require(error)
  }

  @Test(arguments: Sshd.Kind.here) func aPasswordLogsIn(_ kind: Sshd.Kind) async throws {
    let extra = kind == .openssh ? "PasswordAuthentication yes" : ""
    try await Sshd.with(kind, extra: extra, account: Self.account) { server in
      try server.write("authorized_keys", "")
      let asked = Mutex<[String]>([])
      try await logIn(
        server,
        server.options { prompt in
          asked.withLock { $0.append(prompt) }
          return prompt.contains("wrong") ? "öpen sesame" : "a guess"
        })
      #expect(
        asked.withLock { $0 } == [
          "lab: password of \(NSUserName()): ", "lab: password of \(NSUserName()) (wrong, try again): ",
        ])
      let error = try await refusal(server, server.options { _ in "a guess" })
      #expect(error.message.contains("\(server.path("id")): the server does not accept it"))
      #expect(error.message.contains("password: refused 3 times"))
    }
  }

  @Test func aKeyAndAPassword() async throws {
    let extra = "PasswordAuthentication yes\nAuthenticationMethods publickey,password"
    try await Sshd.with(extra: extra, account: Self.account) { server in
      let asked = Mutex(0)
      let options = server.options { _ in
        asked.withLock { $0 += 1 }
        return "öpen sesame"
      }
      try await logIn(server, options)
      #expect(asked.withLock { $0 } == 1)
      let error = try await refusal(server, server.options { _ in nil })
      #expect(error.message.contains("\(server.path("id")): accepted"))
      #expect(error.message.contains("the server took that, and wants besides: password"))
      // Without the key there is no second step, and nobody is asked.
      try server.write("authorized_keys", "")
      asked.withLock { $0 = 0 }
      #expect(try await refusal(server, options).code == .authenticationRefused)
      #expect(asked.withLock { $0 } == 0)
    }
  }

  @Test func twoKeys() async throws {
    try await Sshd.with(extra: "AuthenticationMethods publickey,publickey") { server in
      try Sshd.run("ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", server.path("other"))
      try server.write("authorized_keys", try server.read("id.pub") + (try server.read("other.pub")))
      try server.configure("IdentityFile \(server.path("other"))")
      try await logIn(server, server.options())
    }
  }

  @Test func dropbearWantsBothToo() async throws {
    try await Sshd.with(.dropbear, extra: "-t", account: Self.account) { server in
      try await logIn(server, server.options { _ in "öpen sesame" })
      #expect(try await refusal(server, server.options { _ in "a guess" }).message.contains("wants besides: password"))
    }
  }

  @Test func aKeyAndThenWhatPAMAsks() async throws {
    let extra =
      "UsePAM yes\nKbdInteractiveAuthentication yes\nAuthenticationMethods publickey,keyboard-interactive"
    try await Sshd.with(extra: extra, account: Self.pam) { server in
      let asked = Mutex<[Question]>([])
      try await logIn(
        server,
        server.asking { question in
          asked.withLock { $0.append(question) }
          return question.prompts.map { _ in "öpen sesame" }
        })
      let questions = asked.withLock { $0 }
      #expect(questions.flatMap(\.prompts).contains { $0.text.hasSuffix("Password: ") && !$0.echoes })
      #expect(questions.allSatisfy { $0.heading.first == "lab: login as \(NSUserName())" })
      #expect(questions.flatMap(\.prompts).contains { $0.text.contains("Welcome\n") })
      let error = try await refusal(server, server.asking { question in question.prompts.map { _ in "a guess" } })
      #expect(error.message.contains("keyboard-interactive: refused"))
    }
  }
}
