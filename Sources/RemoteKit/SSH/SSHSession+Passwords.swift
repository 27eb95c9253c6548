// SPDX-License-Identifier: Apache-2.0

internal import CLibSSH2
internal import Vocabulary

extension SSHSession {
  /// A server that asks more often than this in one attempt asks for ever.
  private static let roundLimit = 32
  /// What a terminal takes at once; longer ones would not be typed (and overflow libssh2 1.11.1, CVE-2026-7598).
  private static let passwordLimit = 4096

  func logInByPassword(
    _ credentials: SSHCredentials, _ attempts: inout AuthenticationAttempts, _ timeout: Duration
  ) async throws -> Login {
    let user = credentials.user
    var refused = 0
    while refused < credentials.passwordPrompts {
      let again = refused > 0 ? " (wrong, try again)" : ""
      guard let password = await credentials.askOne("\(host): password of \(user)\(again): "),
        password.utf8.count <= Self.passwordLimit
      else {
        attempts.note("password: none was given" + credentials.whyNobodyAnswered)
        return refused > 0 ? .refused : .skipped
      }
      engine.refusal = nil
      do {
        _ = try await perform("logging in", before: .now + timeout) {
          try engine.step(
            Int(
              libssh2_userauth_password_ex(
                engine.session, user, UInt32(user.utf8.count), password, UInt32(password.utf8.count), nil)))
        }
        return .accepted
      } catch let error as LibSSH2Failure where error.code == .passwordExpired {
        attempts.noteTried("password: it has expired; log in with ssh to change it")
        return .refused
      } catch let error as LibSSH2Failure where error.code.isRefusal {
        refused += 1
      }
      if let refusal = engine.refusal {
        if refusal.isPartialSuccess {
          attempts.noteTried("password: accepted")
          return .partial
        }
        guard refusal.ways.contains("password") else { break }
      }
    }
    attempts.noteTried("password: refused\(refused > 1 ? " \(refused) times" : "")")
    return .refused
  }

  func logInByKeyboard(
    _ credentials: SSHCredentials, _ attempts: inout AuthenticationAttempts, _ timeout: Duration
  ) async throws -> Login {
    var refused = 0
    while refused < credentials.passwordPrompts {
      let round = try await askByKeyboard(credentials, timeout, isAgain: refused > 0)
      switch round.login {
      case .accepted: return .accepted
      case .partial:
        attempts.noteTried("keyboard-interactive: accepted")
        return .partial
      case .refused, .skipped: refused += 1
      }
      if round.isUnanswered {
        attempts.noteTried("keyboard-interactive: no answer was given" + credentials.whyNobodyAnswered)
        return .refused
      }
      // A server that asked for nothing will not do so the next time.
      guard round.asked > 0, engine.refusal?.ways.contains("keyboard-interactive") ?? true else { break }
    }
    attempts.noteTried("keyboard-interactive: refused\(refused > 1 ? " \(refused) times" : "")")
    return .refused
  }

  private struct KeyboardRound: Sendable {
    var login = Login.refused
    var asked = 0
    var rounds = 0
    var isUnanswered = false
  }

  /// One attempt, with as many rounds of questions as the server wants.
  private func askByKeyboard(
    _ credentials: SSHCredentials, _ timeout: Duration, isAgain: Bool
  ) async throws -> KeyboardRound {
    let user = credentials.user
    let title = "\(host): login as \(user)" + (isAgain ? " (refused, try again)" : "")
    let waiting = AwaitedAnswers()
    var round = KeyboardRound()
    engine.refusal = nil
    engine.allocationLimit = KeyboardChallenge.allocationLimit
    engine.answerChallenge = { challenge in
      round.rounds += 1
      round.asked += challenge.prompts.count
      let words = [challenge.name, challenge.instruction].flatMap { $0.split(whereSeparator: \.isNewline) }
      guard round.rounds <= Self.roundLimit, !challenge.prompts.isEmpty || !words.isEmpty else { return [] }
      let question = Question(heading: [title] + words.map { "  \($0)" }, prompts: challenge.prompts)
      let answers = credentials.isBatch || round.isUnanswered ? nil : waiting.wait { await credentials.ask(question) }
      if answers == nil && !challenge.prompts.isEmpty { round.isUnanswered = true }
      return answers ?? []
    }
    defer {
      engine.answerChallenge = nil
      engine.allocationLimit = nil
    }
    do {
      var isDone = false
      while !isDone {
        let before = round.rounds
        isDone = try await withTaskCancellationHandler {
          // A person takes their time, so the server's begins anew after each round.
          try await perform("logging in", before: .now + timeout) { () -> SSHStep<Bool> in
            let result = libssh2_userauth_keyboard_interactive_ex(
              engine.session, user, UInt32(user.utf8.count), KeyboardChallenge.callback)
            try Task.checkCancellation()
            if case .done = try engine.step(Int(result)) { return .done(true) }
            return round.rounds > before ? .done(false) : .wouldBlock
          }
        } onCancel: {
          waiting.cancel()
        }
        guard round.rounds <= Self.roundLimit else {
          throw RemoteError(
            .authenticationRefused, host: host,
            "login as '\(user)' was given up: the server asked more than \(Self.roundLimit) times",
            hint: "Ask the host's administrator what its keyboard-interactive login wants.")
        }
      }
      round.login = .accepted
    } catch let error as LibSSH2Failure where error.code.isRefusal {
      round.login = engine.refusal?.isPartialSuccess ?? false ? .partial : .refused
    }
    return round
  }
}

extension SSHCredentials {
  /// The end of a message on a question without an answer.
  var whyNobodyAnswered: String { isBatch ? " (BatchMode is on in the ssh configuration, so nobody is asked)" : "" }
}
