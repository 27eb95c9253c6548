// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Dispatch
internal import Synchronization

/// A line for everything that happens, for pipes and logs of CI.
final class PlainView: ProgressView {
  private let console: Console
  private let lines: Mutex<PlainLines>
  /// Writes, in order, so that a slow reader holds up nobody but himself.
  private let writer = DispatchQueue(label: "progress.plain")
  private let isSuspended = Mutex(false)
  /// Bytes handed to the writer and not written yet.
  private let waiting = Mutex(0)

  /// From here on, output of steps is left out: the log has it all.
  private static let patience = 8 << 20

  init(style: Style, verbose: Bool, console: Console) {
    self.console = console
    lines = Mutex(PlainLines(style: style, verbose: verbose))
  }

  func show(_ event: DeliveryEvent) {
    let isBehind = waiting.withLock { $0 > Self.patience }
    // In the lock, so that what was told first is written first.
    lines.withLock { lines in
      let text = lines.lines(for: event, leavesOutOutput: isBehind).map { $0 + "\n" }.joined()
      guard !text.isEmpty else { return }
      waiting.withLock { $0 += text.utf8.count }
      writer.async { [self] in
        console.write(text, to: .talk)
        waiting.withLock { $0 -= text.utf8.count }
      }
    }
  }

  func suspend() {
    isSuspended.withLock { suspended in
      guard !suspended else { return }
      suspended = true
      writer.sync {}
      writer.suspend()
    }
  }

  func resume() {
    isSuspended.withLock { suspended in
      guard suspended else { return }
      suspended = false
      writer.resume()
    }
  }

  func finish() {
    resume()
    writer.sync {}
  }
}
