// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Dispatch
internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Waits for what happens in a job's directory: its log grows, its status is replaced, or its supervisor dies without
/// writing one. Made before the first look at the files, so that nothing is missed between look and wait.
final class JobWatch: @unchecked Sendable {
  // `@unchecked`: the descriptors are constants until `deinit`, which nothing that uses them outlives, but
  // `supervisor`, which is set on the one queue that reads it.
  private let changes: FileDescriptor
  private let wake: (reading: FileDescriptor, writing: FileDescriptor)
  private var supervisor: FileDescriptor?
  private let queue = DispatchQueue(label: "remote-build.job.watch")

  init(_ job: JobDirectory) throws {
    changes = try ServiceFailure.wrapping("cannot watch job \(job.id)") {
      FileDescriptor(rawValue: try checked(rb_watch_directory(job.path.string)))
    }
    let ends = try FileDescriptor.privatePipe()
    wake = (ends.readEnd, ends.writeEnd)
    for end in [wake.reading, wake.writing] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
  }

  deinit {
    for descriptor in [changes, wake.reading, wake.writing] { try? descriptor.close() }
    try? supervisor?.close()
  }

  /// Ends the wait under way, and makes every later one return at once.
  func stop() { _ = try? wake.writing.writeAll([0]) }

  /// Returns when something has changed since the last wait, the supervisor in `status` has ended, the watch was
  /// stopped, or `seconds` have passed. False when it was stopped.
  func wait(_ status: JobStatus, seconds: Double? = nil) async -> Bool {
    await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: self.waitNow(status, seconds)) }
    }
  }

  private func waitNow(_ status: JobStatus, _ seconds: Double?) -> Bool {
    var seconds = seconds
    if supervisor == nil, let identity = status.supervisor {
      switch ProcessDescriptor.open(identity) {
      case .ended: return true
      case .open(let descriptor): supervisor = descriptor
      // A kernel before 5.3: looking again is all that is left.
      case .unsupported: seconds = min(seconds ?? 1, 1)
      }
    }
    var polled = [changes, wake.reading].map { pollfd(fd: $0.rawValue, events: Int16(POLLIN), revents: 0) }
    if let supervisor { polled.append(pollfd(fd: supervisor.rawValue, events: Int16(POLLIN), revents: 0)) }
    _ = poll(&polled, nfds_t(polled.count), seconds.map { CInt($0 * 1000) } ?? -1)
    var events = [UInt8](repeating: 0, count: 16 << 10)
    while read(changes.rawValue, &events, events.count) > 0 {}
    return polled[1].revents == 0
  }
}

/// A descriptor that stands for a process and becomes readable when it ends.
enum ProcessDescriptor {
  case open(FileDescriptor)
  case ended
  case unsupported

  static func open(_ identity: ProcessIdentity) -> ProcessDescriptor {
    let descriptor = rb_process_descriptor(identity.pid)
    if descriptor < 0 { return errno == ESRCH || !identity.isRunning ? .ended : .unsupported }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    // Looked at after the descriptor was made, so that it stands for this process and not for a later one.
    guard identity.isRunning else {
      close(descriptor)
      return .ended
    }
    return .open(FileDescriptor(rawValue: descriptor))
  }

  /// Sends a signal to the process that `identity` names, and to no other of its number. False when it has ended.
  static func signal(_ identity: ProcessIdentity, _ number: CInt) -> Bool {
    switch open(identity) {
    case .ended: return false
    case .unsupported: return kill(identity.pid, number) == 0
    case .open(let descriptor):
      defer { try? descriptor.close() }
      return rb_signal_process(descriptor.rawValue, number) == 0
    }
  }
}
