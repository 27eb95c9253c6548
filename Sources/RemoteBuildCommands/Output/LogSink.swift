// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Synchronization

/// Where a job's log goes: as it is into a pipe or a file, line by line and safe to show on a terminal, or as events.
final class LogSink: Sendable {
  private let session: CommandSession
  private let json: Bool
  private let state = Mutex(State())

  private struct State {
    var line: [UInt8] = []
    var events = LogEvents()
  }

  /// A line without end is shown in parts of so many bytes.
  private static let longestLine = 64 << 10

  init(session: CommandSession, json: Bool) {
    self.session = session
    self.json = json
  }

  func take(_ bytes: [UInt8]) {
    if json {
      for event in state.withLock({ $0.events.read(bytes) }) { session.show(event) }
    } else if session.console.terminal.outputIsTerminal {
      for line in state.withLock({ Self.lines(bytes, &$0.line) }) { show(line) }
    } else {
      session.console.write(bytes, to: .out)
    }
  }

  /// Shows a last line that was not ended.
  func finish() {
    let (events, line) = state.withLock { state in
      defer { state.line = [] }
      return (json ? state.events.finish() : [], state.line)
    }
    for event in events { session.show(event) }
    if !line.isEmpty { show(line) }
  }

  private func show(_ line: [UInt8]) {
    let terminal = session.console.terminal
    let text = PrintableText(
      String(decoding: line, as: UTF8.self), keepsColours: terminal.allowsColours && terminal.isCapable)
    session.console.out(text.text)
  }

  /// The lines that `bytes` ends, the first of which began with `rest`.
  static func lines(_ bytes: [UInt8], _ rest: inout [UInt8]) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var bytes = bytes[...]
    while let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
      lines.append(rest + bytes[..<end])
      rest = []
      bytes = bytes[(end + 1)...]
    }
    rest += bytes
    while rest.count >= longestLine {
      lines.append(Array(rest.prefix(longestLine)))
      rest.removeFirst(longestLine)
    }
    return lines
  }
}
