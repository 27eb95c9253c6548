// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Synchronization
public import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A byte stream over two file descriptors, or one socket twice: pipes to a process, standard input and output.
///
/// Each direction has a thread's worth of serial queue of its own, on which the system calls block; tasks never do.
/// `close()` wakes both through a pipe, since a blocked `read` cannot be cancelled otherwise.
public final class DescriptorStream: ByteStream, @unchecked Sendable {
  // `@unchecked`: the descriptors are constants, and are closed once, on the queues that use them, under `state`.
  private struct State {
    var closed = false
    var writerFinished = false
  }

  private let input: FileDescriptor
  private let output: FileDescriptor
  private let wake: (reading: FileDescriptor, writing: FileDescriptor)
  private let reading = DispatchQueue(label: "remote-build.descriptor.reading")
  private let writing = DispatchQueue(label: "remote-build.descriptor.writing")
  private let state = Mutex(State())

  /// Takes over both descriptors, which may be the same one when it is a socket, and closes them.
  public init(reading input: FileDescriptor, writing output: FileDescriptor) throws {
    self.input = input
    self.output = output
    let ends = try FileDescriptor.privatePipe()
    wake = (ends.readEnd, ends.writeEnd)
    signal(SIGPIPE, SIG_IGN)
  }

  /// Two connected streams in this process, over a pair of sockets.
  public static func pair() throws -> (DescriptorStream, DescriptorStream) {
    var ends: [CInt] = [-1, -1]
    #if canImport(Glibc)
      let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
    #else
      let kind = SOCK_STREAM
    #endif
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Errno(rawValue: errno) }
    let (left, right) = (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
    return (
      try DescriptorStream(reading: left, writing: left), try DescriptorStream(reading: right, writing: right)
    )
  }

  public func read(upTo limit: Int) async throws -> [UInt8]? {
    try await onCancellationClose {
      try await withCheckedThrowingContinuation { continuation in
        self.reading.async { continuation.resume(with: Result { try self.readNow(limit) }) }
      }
    }
  }

  public func write(_ bytes: [UInt8]) async throws {
    try await onCancellationClose {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        self.writing.async { continuation.resume(with: Result { try self.writeNow(bytes) }) }
      }
    }
  }

  public func finishWriting() async throws {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      writing.async {
        self.finishWritingNow()
        continuation.resume()
      }
    }
  }

  public func close() async { closeSoon() }

  /// Closes without waiting: what is under way is woken, and the descriptors go when both queues have let go of them.
  private func closeSoon() {
    let first = state.withLock { state in
      defer { state.closed = true }
      return !state.closed
    }
    guard first else { return }
    _ = try? wake.writing.writeAll([0])
    reading.async {
      self.writing.async {
        let finished = self.state.withLock { $0.writerFinished }
        if self.input != self.output && !finished { try? self.output.close() }
        try? self.input.close()
        try? self.wake.reading.close()
        try? self.wake.writing.close()
      }
    }
  }

  private func onCancellationClose<Value: Sendable>(
    _ body: @Sendable () async throws -> Value
  ) async throws -> Value {
    try await withTaskCancellationHandler(operation: body) { self.closeSoon() }
  }

  private var isClosed: Bool { state.withLock { $0.closed } }

  /// Waits until `descriptor` is ready for `events`; throws when the stream was closed meanwhile.
  private func wait(_ descriptor: FileDescriptor, for events: Int32) throws {
    while true {
      guard !isClosed else { throw WireError(.closed, "the stream was closed") }
      var polled = [
        pollfd(fd: descriptor.rawValue, events: Int16(events), revents: 0),
        pollfd(fd: wake.reading.rawValue, events: Int16(POLLIN), revents: 0),
      ]
      let ready = poll(&polled, 2, -1)
      if ready < 0 && errno != EINTR { throw WireError(.io, "poll: \(Errno(rawValue: errno))") }
      if ready > 0 && polled[1].revents != 0 { throw WireError(.closed, "the stream was closed") }
      if ready > 0 && polled[0].revents != 0 { return }
    }
  }

  private func readNow(_ limit: Int) throws -> [UInt8]? {
    while true {
      try wait(input, for: POLLIN)
      var failure: CInt = 0
      let bytes = [UInt8](unsafeUninitializedCapacity: max(1, limit)) { buffer, count in
        #if canImport(Glibc)
          let received = Glibc.read(input.rawValue, buffer.baseAddress, buffer.count)
        #else
          let received = Darwin.read(input.rawValue, buffer.baseAddress, buffer.count)
        #endif
        failure = received < 0 ? errno : 0
        count = max(0, received)
      }
      if failure == EINTR || failure == EAGAIN { continue }
      // A peer that went away while it had unread input resets the socket; for us the stream has ended all the same.
      guard failure == 0 else { throw WireError(.io, "read: \(Errno(rawValue: failure))") }
      return bytes.isEmpty ? nil : bytes
    }
  }

  private func writeNow(_ bytes: [UInt8]) throws {
    // On the queue that closes, and before the descriptor is touched: its number may be another file's by now.
    guard !isClosed else { throw WireError(.closed, "the stream was closed") }
    guard !state.withLock({ $0.writerFinished }) else { throw WireError(.closed, "writing was finished") }
    // A pipe that blocks would hold this queue where `close` cannot reach it, so the descriptor must not block here.
    let flags = fcntl(output.rawValue, F_GETFL)
    let blocks = flags >= 0 && flags & O_NONBLOCK == 0
    if blocks { _ = fcntl(output.rawValue, F_SETFL, flags | O_NONBLOCK) }
    var sent = 0
    try bytes.withUnsafeBytes { buffer in
      while sent < buffer.count {
        try wait(output, for: POLLOUT)
        #if canImport(Glibc)
          let count = Glibc.write(output.rawValue, buffer.baseAddress! + sent, buffer.count - sent)
        #else
          let count = Darwin.write(output.rawValue, buffer.baseAddress! + sent, buffer.count - sent)
        #endif
        if count >= 0 {
          sent += count
        } else if errno != EINTR && errno != EAGAIN {
          throw WireError(.io, "write: \(Errno(rawValue: errno))")
        }
      }
    }
  }

  private func finishWritingNow() {
    let first = state.withLock { state in
      guard !state.writerFinished, !state.closed else { return false }
      state.writerFinished = true
      return true
    }
    guard first else { return }
    if input == output {
      _ = shutdown(output.rawValue, CInt(SHUT_WR))
    } else {
      try? output.close()
    }
  }
}
