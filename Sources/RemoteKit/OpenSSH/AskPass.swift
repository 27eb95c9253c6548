// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Synchronization
internal import SystemPackage
internal import Vocabulary
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Answers what `ssh` asks while it logs in: a script as its SSH_ASKPASS hands the question over through one named pipe
/// and takes the answer from another.
///
/// `ssh` has no terminal, so it asks nothing elsewhere. Questions about host keys are kept, and answered by the policy
/// alone.
final class AskPass: Sendable {
  private struct State {
    var hostKeyQuestion: String?
    var isAsking = false
    var lastAnswer = ContinuousClock.now
  }

  private let directory: FilePath
  private let acceptsNew: Bool
  private let options: ConnectionOptions
  private let questions: DescriptorStream
  private let state = Mutex(State())
  private let listener = Mutex<Task<Void, Never>?>(nil)

  private static let script = """
    #!/bin/sh
    # Asks the process that started ssh.
    d=${0%/*} a=${0%/*}/answer.$$
    case $SSH_ASKPASS_PROMPT in none) printf 'told\\n-\\n%s\\0' "$1" >"$d/question"; exit 0;; esac
    # Its own, held open before it asks: an answer that comes too late is nobody else's.
    mkfifo -m 600 "$a" && exec 3<>"$a" || exit 1
    trap 'rm -f "$a"' EXIT HUP INT TERM
    printf 'asked\\n%s\\n%s\\0' "$$" "$1" >"$d/question"
    IFS= read -r answer <&3 || exit 1
    case $answer in +*) printf '%s\\n' "${answer#+}";; *) exit 1;; esac

    """

  init(directory: FilePath, acceptsNew: Bool, options: ConnectionOptions) throws {
    (self.directory, self.acceptsNew, self.options) = (directory, acceptsNew, options)
    let script = directory.appending("askpass")
    let descriptor = try FileDescriptor.open(
      script, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: [.ownerReadWriteExecute])
    _ = try descriptor.closeAfter { try descriptor.writeAll(Array(Self.script.utf8)) }
    guard mkfifo(directory.appending("question").string, 0o600) == 0 else { throw Errno(rawValue: errno) }
    // For both directions, so that reading it never ends.
    let question = try FileDescriptor.open(
      directory.appending("question"), .readWrite, options: [.nonBlocking, .closeOnExec])
    questions = try DescriptorStream(reading: question, writing: question)
    let task = Task { [weak self, questions] in
      var pending: [UInt8] = []
      while let bytes = try? await questions.read(upTo: 4096) {
        pending += bytes
        while let end = pending.firstIndex(of: 0) {
          await self?.take(String(decoding: pending[..<end], as: UTF8.self))
          pending.removeSubrange(...end)
        }
        // Nothing that asks so much is ssh.
        if pending.count > 64 << 10 { pending = [] }
      }
    }
    listener.withLock { $0 = task }
  }

  /// The variables by which `ssh` finds it.
  var variables: [String: String] {
    ["SSH_ASKPASS": directory.appending("askpass").string, "SSH_ASKPASS_REQUIRE": "force"]
  }

  /// What `ssh` asked about a host key that is not known.
  var hostKeyQuestion: String? { state.withLock { $0.hostKeyQuestion } }

  /// How long nobody has been asked anything; zero while somebody is.
  var quietTime: Duration {
    state.withLock { $0.isAsking ? .zero : $0.lastAnswer.duration(to: .now) }
  }

  private func take(_ message: String) async {
    let parts = message.split(separator: "\n", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3 else { return }
    // Told, not asked: a security key waits to be touched.
    if parts[0] == "told" { return options.notice(OpenSSHWords.shown(parts[2])) }
    guard let asker = pid_t(parts[1]) else { return }
    state.withLock { $0.isAsking = true }
    let answer = await answer(to: parts[2])
    state.withLock { state in
      state.isAsking = false
      state.lastAnswer = .now
    }
    let line = (answer.map { "+" + $0.filter { !$0.isNewline } } ?? "-") + "\n"
    // Fails where whoever asked is gone.
    let pipe = directory.appending("answer.\(asker)")
    guard let descriptor = try? FileDescriptor.open(pipe, .writeOnly, options: [.nonBlocking, .closeOnExec]) else {
      return
    }
    _ = try? descriptor.closeAfter { try descriptor.writeAll(Array(line.utf8)) }
  }

  private func answer(to text: String) async -> String? {
    if text.contains("continue connecting (yes/no") {
      let question = text.split(separator: "\n").filter { !$0.contains("(yes/no") }.joined(separator: " ")
      state.withLock { $0.hostKeyQuestion = question }
      return acceptsNew ? "yes" : "no"
    }
    return await options.ask(Question(prompts: [Question.Prompt(OpenSSHWords.shown(text) + " ")]))?.first
  }

  /// Asks nobody any more; a question that stands is left to whoever is asked.
  func close() async {
    listener.withLock { $0 }?.cancel()
    await questions.close()
  }
}
