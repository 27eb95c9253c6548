// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What a supervisor waits for, on its one thread: signals, questions for credentials, and the end of other processes.
final class Events {
  private let signals: FileDescriptor
  weak var surroundings: StepSurroundings?
  /// What the steps print.
  weak var output: OutputPipe?
  /// Whether somebody asked for the end.
  private(set) var isCancelled = false

  init() throws {
    // A detached job outlives the terminal and the login.
    signal(SIGHUP, SIG_IGN)
    signal(SIGPIPE, SIG_IGN)
    signals = try ServiceFailure.wrapping("cannot take signals") {
      FileDescriptor(rawValue: try checked(rb_signal_descriptor([SIGTERM, SIGINT, SIGCHLD], 3)))
    }
  }

  /// Returns when a signal came, one of `others` is readable, or the clock has passed `deadline`
  /// (``monotonicSeconds()``). Meanwhile it answers for credentials, and takes what the steps print; it also returns
  /// when that cannot be taken any more.
  func wait(_ others: [FileDescriptor] = [], until deadline: Double? = nil) {
    while true {
      let served = surroundings?.credentials?.descriptors ?? []
      let printed = output.map { [$0.reading] } ?? []
      var polled = ([signals] + others + printed + served).map {
        pollfd(fd: $0.rawValue, events: Int16(POLLIN), revents: 0)
      }
      let rest = deadline.map { max(0, $0 - monotonicSeconds()) }
      let ready = poll(&polled, nfds_t(polled.count), rest.map { CInt(min($0 * 1000 + 1, 1e9)) } ?? -1)
      if ready < 0 && errno == EINTR { continue }
      if let output, polled[1 + others.count].revents != 0 {
        let couldWrite = output.failure == nil
        output.pump()
        if couldWrite && output.failure != nil { return }
      }
      for item in polled.dropFirst(1 + others.count + printed.count) where item.revents != 0 {
        surroundings?.credentials?.serve(FileDescriptor(rawValue: item.fd))
      }
      if polled[0].revents != 0 {
        takeSignals()
        return
      }
      if polled[1..<(1 + others.count)].contains(where: { $0.revents != 0 }) { return }
      if let deadline, monotonicSeconds() >= deadline { return }
    }
  }

  private func takeSignals() {
    while true {
      switch rb_next_signal(signals.rawValue) {
      case 0: return
      case SIGTERM, SIGINT: isCancelled = true
      default: continue
      }
    }
  }
}
