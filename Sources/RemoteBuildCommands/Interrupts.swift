// SPDX-License-Identifier: Apache-2.0

internal import Dispatch

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Interrupts (SIGINT, SIGTERM, SIGHUP) as a stream, in place of what they do to a process by default.
struct Interrupts: Sendable {
  let stream: AsyncStream<Int32>
  // Only cancelled, which any thread may do.
  private nonisolated(unsafe) let sources: [any DispatchSourceSignal]

  init() {
    let (stream, continuation) = AsyncStream<Int32>.makeStream(bufferingPolicy: .bufferingNewest(8))
    self.stream = stream
    sources = [SIGINT, SIGTERM, SIGHUP].compactMap { number in
      let before = signal(number, SIG_IGN)
      // Whoever started this wants it to live through that signal (`nohup`).
      guard unsafeBitCast(before, to: Int.self) != unsafeBitCast(SIG_IGN, to: Int.self) else { return nil }
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { continuation.yield(number) }
      source.resume()
      return source
    }
  }

  /// Whether the terminal or the session went away, rather than that somebody interrupted.
  static func isHangUp(_ signal: Int32) -> Bool { signal == SIGHUP }

  /// Whether somebody pressed Ctrl-C, as far as that can be told.
  static func isTyped(_ signal: Int32) -> Bool { signal == SIGINT }

  func stop() { for source in sources { source.cancel() } }
}
