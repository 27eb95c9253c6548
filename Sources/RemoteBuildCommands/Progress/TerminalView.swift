// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Dispatch
internal import Synchronization

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// The live view: what is over stays as lines, and below them stands a line for each host that is at work.
final class TerminalView: ProgressView {
  private let console: Console
  private let screen: Mutex<LiveScreen>
  private let state = Mutex(State.drawing)
  /// Draws. A terminal that was stopped (Ctrl-S) holds up this queue and nothing else.
  private let painter = DispatchQueue(label: "progress.terminal")

  private enum State: Sendable { case drawing, suspended, finished }

  /// Between two frames: often enough for an eye, seldom enough for a slow line.
  private static let interval = DispatchTimeInterval.milliseconds(100)

  init(style: Style, verbose: Bool, console: Console) {
    self.console = console
    screen = Mutex(LiveScreen(style: style, verbose: verbose))
    tick()
  }

  func show(_ event: DeliveryEvent) { screen.withLock { $0.take(event) } }

  func suspend() {
    state.withLock { if $0 == .drawing { $0 = .suspended } }
    clear()
  }

  func resume() { state.withLock { if $0 == .suspended { $0 = .drawing } } }

  func finish() {
    state.withLock { $0 = .finished }
    clear()
  }

  /// Draws what happened since the last frame, and the clocks, until the end.
  private func tick() {
    painter.asyncAfter(deadline: .now() + Self.interval) { [weak self] in
      guard let self else { return }
      let now = state.withLock { $0 }
      if now == .drawing {
        let size = Terminal.size()
        console.write(screen.withLock { $0.frame(size, now: Date()) }, to: .talk)
      }
      if now != .finished { tick() }
    }
  }

  private func clear() {
    painter.sync {
      let size = Terminal.size()
      console.write(screen.withLock { $0.clear(size) }, to: .talk)
    }
  }
}
