// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Asks on the terminal itself, whatever standard input and output are.
struct TerminalPrompt: Sendable {
  private let view: any ProgressView
  /// One question at a time.
  private let queue = DispatchQueue(label: "terminal.prompt")

  /// `nil` where there is no terminal to ask on.
  init?(view: any ProgressView) {
    let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC)
    guard terminal >= 0 else { return nil }
    close(terminal)
    self.view = view
  }

  /// The line that was typed, without its end; `nil` where nobody answered.
  func ask(_ prompt: String, echoes: Bool) async -> String? {
    await withCheckedContinuation { continuation in
      queue.async {
        view.suspend()
        defer { view.resume() }
        continuation.resume(returning: Self.ask(prompt, echoes: echoes))
      }
    }
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
    // The prompt may name a host or file of foreign origin.
    let text = Array(PrintableText(prompt, keepsColours: false).text.utf8)
    _ = write(terminal, text, text.count)
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
