// SPDX-License-Identifier: Apache-2.0

internal import CLibSSH2
internal import Dispatch
internal import Synchronization
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What a server asks in keyboard-interactive authentication (RFC 4256): any number of prompts, or none.
struct KeyboardChallenge: Sendable {
  var name: String
  var instruction: String
  var prompts: [Question.Prompt]

  /// Bytes that one allocation may have while a server asks. libssh2 1.10 copies a name of the length that the server
  /// claims, whatever came; no packet is larger than this, and so much stands behind each allocation, in zeros.
  static let allocationLimit = 40_000

  static let callback:
    @convention(c) (
      UnsafePointer<CChar>?, CInt, UnsafePointer<CChar>?, CInt, CInt,
      UnsafePointer<LIBSSH2_USERAUTH_KBDINT_PROMPT>?, UnsafeMutablePointer<LIBSSH2_USERAUTH_KBDINT_RESPONSE>?,
      UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> Void = { name, nameLength, instruction, instructionLength, count, prompts, responses, abstract in
      guard let opaque = abstract?.pointee else { return }
      let engine = Unmanaged<SSHEngine>.fromOpaque(opaque).takeUnretainedValue()
      let asked = (0..<max(0, Int(count))).compactMap { index -> Question.Prompt? in
        guard let prompt = prompts?.advanced(by: index) else { return nil }
        return Question.Prompt(
          text(rb_ssh_prompt_text(prompt), Int(rb_ssh_prompt_length(prompt))), echoes: prompt.pointee.echo != 0)
      }
      let challenge = KeyboardChallenge(
        name: text(name, Int(nameLength)), instruction: text(instruction, Int(instructionLength)), prompts: asked)
      let answers = engine.answerChallenge?(challenge) ?? []
      guard let responses else { return }
      for index in asked.indices {
        let bytes = Array((index < answers.count ? answers[index] : "").utf8)
        // libssh2 frees it with the session's own allocator, which is malloc's.
        guard let copy = malloc(bytes.count + 1)?.assumingMemoryBound(to: CChar.self) else { return }
        for (offset, byte) in bytes.enumerated() { copy[offset] = CChar(bitPattern: byte) }
        responses[index].text = copy
        responses[index].length = UInt32(bytes.count)
      }
    }

  /// Bounded, since all of it comes from the server.
  private static func text(_ start: UnsafeRawPointer?, _ count: Int) -> String {
    guard let start, count > 0 else { return "" }
    return String(decoding: UnsafeRawBufferPointer(start: start, count: min(count, 4000)), as: UTF8.self)
  }
}

/// Lets the session's own thread wait for a person: libssh2's callback must return with the answers.
final class AwaitedAnswers: Sendable {
  private let answers = Mutex<[String]?>(nil)
  private let isCancelled = Mutex(false)
  private let ready = DispatchSemaphore(value: 0)

  /// Waits for what `ask` returns, or for ``cancel()``. Must not be called on a thread of the cooperative pool.
  func wait(for ask: @escaping @Sendable () async -> [String]?) -> [String]? {
    if isCancelled.withLock({ $0 }) { return nil }
    let question = Task {
      let given = await ask()
      answers.withLock { $0 = given }
      ready.signal()
    }
    ready.wait()
    if isCancelled.withLock({ $0 }) {
      question.cancel()
      return nil
    }
    return answers.withLock { $0 }
  }

  func cancel() {
    isCancelled.withLock { $0 = true }
    ready.signal()
  }
}
