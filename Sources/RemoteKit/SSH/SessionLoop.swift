// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Foundation
internal import Synchronization
internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What a ``SessionLoop`` asks of the session that it serves, always on the loop's thread.
protocol SessionLoopHandler: AnyObject, Sendable {
  /// What to wait for next; called after the jobs at hand have run.
  nonisolated func interest() -> SessionInterest
  /// What `poll` reported; neither when the time was up.
  nonisolated func ready(input: Bool, output: Bool)
}

struct SessionInterest: Sendable {
  /// Where input is awaited; `nil` where there is no connection (yet), or none is wanted.
  var input: FileDescriptor?
  /// Where there are bytes to be written.
  var output: FileDescriptor?
  var deadline: ContinuousClock.Instant?
}

/// One thread for one session: it runs the actor's jobs and waits in `poll` between them.
///
/// After ``stop()`` the thread ends when no job is left; what arrives later runs on a serial queue instead, so that a
/// channel may still be closed after its session.
final class SessionLoop: SerialExecutor, @unchecked Sendable {
  // `@unchecked`: everything that changes is in `state`; the pipe's ends are constants.
  private struct State {
    var jobs: [UnownedJob] = []
    var handler: (any SessionLoopHandler)?
    var thread: pthread_t?
    /// Whether the thread waits, or is about to, and has to be woken for a job.
    var isAsleep = false
    var isStopping = false
    var isFinished = false
  }

  private let state = Mutex(State())
  private let late = DispatchQueue(label: "remote-build.session.late")
  private let wake: (reading: FileDescriptor, writing: FileDescriptor)

  init() throws {
    let ends = try FileDescriptor.privatePipe()
    wake = (ends.readEnd, ends.writeEnd)
    for end in [wake.reading, wake.writing] {
      _ = fcntl(end.rawValue, F_SETFL, fcntl(end.rawValue, F_GETFL) | O_NONBLOCK)
    }
  }

  deinit {
    try? wake.reading.close()
    try? wake.writing.close()
  }

  /// Starts the thread, which keeps `handler` alive until ``stop()``.
  func start(_ handler: any SessionLoopHandler) {
    state.withLock { $0.handler = handler }
    Thread.detachNewThread { self.run() }
  }

  func stop() {
    state.withLock { $0.isStopping = true }
    wakeUp()
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let (isFinished, isAsleep) = state.withLock { state in
      if !state.isFinished { state.jobs.append(job) }
      return (state.isFinished, state.isAsleep)
    }
    if isFinished {
      late.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    } else if isAsleep {
      wakeUp()
    }
  }

  func checkIsolated() { precondition(isIsolatingCurrentContext(), "not on the session's thread") }

  func isIsolatingCurrentContext() -> Bool {
    state.withLock { $0.thread.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
  }

  // A full pipe wakes as well as one byte more would.
  private func wakeUp() { _ = try? wake.writing.writeAll([0]) }

  private func run() {
    state.withLock { $0.thread = pthread_self() }
    while true {
      let jobs = state.withLock { state in
        defer { state.jobs.removeAll(keepingCapacity: true) }
        return state.jobs
      }
      for job in jobs { job.runSynchronously(on: asUnownedSerialExecutor()) }
      let (ended, handler) = state.withLock { state in
        let ended = state.isStopping && state.jobs.isEmpty
        if ended {
          state.isFinished = true
          state.thread = nil
          state.handler = nil
        }
        return (ended, state.handler)
      }
      guard !ended, let handler else { return }
      wait(handler)
    }
  }

  private func wait(_ handler: any SessionLoopHandler) {
    let interest = handler.interest()
    let isAsleep = state.withLock { state in
      state.isAsleep = state.jobs.isEmpty
      return state.isAsleep
    }
    var polled = [
      pollfd(fd: wake.reading.rawValue, events: Int16(POLLIN), revents: 0),
      pollfd(fd: interest.input?.rawValue ?? -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: interest.output?.rawValue ?? -1, events: Int16(POLLOUT), revents: 0),
    ]
    let count = poll(&polled, 3, isAsleep ? Self.milliseconds(until: interest.deadline) : 0)
    state.withLock { $0.isAsleep = false }
    if count > 0 && polled[0].revents != 0 {
      var drain = [UInt8](repeating: 0, count: 256)
      _ = try? drain.withUnsafeMutableBytes { try wake.reading.read(into: $0) }
    }
    handler.ready(input: count > 0 && polled[1].revents != 0, output: count > 0 && polled[2].revents != 0)
  }

  private static func milliseconds(until deadline: ContinuousClock.Instant?) -> CInt {
    guard let deadline else { return -1 }
    let left = deadline - ContinuousClock.now
    guard left > .zero else { return 0 }
    // Rounded up, so that the deadline has passed when `poll` returns.
    return CInt(
      clamping: left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000
        + 1)
  }
}
