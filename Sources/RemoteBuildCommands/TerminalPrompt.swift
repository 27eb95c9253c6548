// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Synchronization
internal import SystemPackage
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Asks on the terminal itself, whatever standard input and output are; or by ``AskPass``, as OpenSSH would.
struct TerminalPrompt: Sendable {
  private let view: any ProgressView
  private let askPass: AskPass
  private let hasTerminal: Bool
  /// One question at a time, however many hosts want to know something.
  private let queue = DispatchQueue(label: "terminal.prompt")

  /// `nil` where there is nobody to ask.
  init?(view: any ProgressView, environment: [String: String]) {
    askPass = AskPass(environment: environment)
    hasTerminal = Self.opened().map { close($0) == 0 } ?? false
    guard hasTerminal || askPass.use != .never else { return nil }
    self.view = view
  }

  /// The line that was typed, without its end; `nil` where nobody answered.
  func ask(_ prompt: String, echoes: Bool) async -> String? {
    await ask(Question(prompts: [Question.Prompt(prompt, echoes: echoes)]))?.first
  }

  /// An answer a prompt; `nil` where one was not answered. Other questions wait until this one is over.
  func ask(_ question: Question) async -> [String]? {
    await withCheckedContinuation { continuation in
      queue.async {
        view.suspend()
        defer { view.resume() }
        continuation.resume(returning: answers(to: question))
      }
    }
  }

  private func answers(to question: Question) -> [String]? {
    let heading = question.heading.map(Self.printable)
    let usesProgram = askPass.use == .always || (!hasTerminal && askPass.use == .withoutTerminal)
    if !usesProgram {
      guard hasTerminal else { return nil }
      for line in heading { Self.write(line + "\n") }
    }
    var answers: [String] = []
    for prompt in question.prompts {
      // A server may put more lines before the one that is to be answered.
      let lines = prompt.text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        .map { Self.printable(String($0)) }
      let answer: String?
      if usesProgram {
        answer = askPass.ask((heading + lines).joined(separator: "\n"))
      } else {
        answer = Self.ask(lines.joined(separator: "\n"), echoes: prompt.echoes)
      }
      guard let answer else { return nil }
      answers.append(answer)
    }
    return answers
  }

  /// A host's own words may be among it.
  private static func printable(_ line: String) -> String { PrintableText(line, keepsColours: false).text }

  private static func opened() -> CInt? {
    let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC)
    return terminal >= 0 ? terminal : nil
  }

  private static func write(_ text: String) {
    guard let terminal = opened() else { return }
    defer { close(terminal) }
    _ = try? FileDescriptor(rawValue: terminal).writeAll(text.utf8)
  }

  /// The terminal's settings before a question that is answered unseen, while it is asked.
  private static let before = Mutex<termios?>(nil)

  /// Gives the terminal its echo back where the program ends in the middle of a question.
  static func restoreTerminal() {
    guard var settings = before.withLock({ $0 }) else { return }
    let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC)
    guard terminal >= 0 else { return }
    tcsetattr(terminal, TCSAFLUSH, &settings)
    close(terminal)
  }

  private static func ask(_ prompt: String, echoes: Bool) -> String? {
    let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC)
    guard terminal >= 0 else { return nil }
    defer { close(terminal) }
    var settings = termios()
    guard tcgetattr(terminal, &settings) == 0 else { return nil }
    if !echoes {
      before.withLock { [settings] in $0 = settings }
      var silent = settings
      silent.c_lflag &= ~tcflag_t(ECHO)
      silent.c_lflag |= tcflag_t(ECHONL)
      tcsetattr(terminal, TCSAFLUSH, &silent)
    }
    defer {
      if !echoes {
        tcsetattr(terminal, TCSAFLUSH, &settings)
        before.withLock { $0 = nil }
      }
    }
    write(prompt)
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while line.count < 4096 {
      let count = read(terminal, &byte, 1)
      if count < 0 && errno == EINTR { continue }
      guard count == 1 else { return line.isEmpty ? nil : String(decoding: line, as: UTF8.self) }
      if byte == UInt8(ascii: "\n") { break }
      line.append(byte)
    }
    return String(decoding: line, as: UTF8.self)
  }
}
