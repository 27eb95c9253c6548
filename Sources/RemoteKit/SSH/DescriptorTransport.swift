// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A transport over two pipes, or one socket twice.
final class DescriptorTransport: SSHTransport {
  let input: FileDescriptor
  let output: FileDescriptor
  private let closed = Mutex(false)
  private let explain: @Sendable () async -> RemoteError?
  private let end: @Sendable () -> Void

  /// Takes both descriptors over.
  /// - Parameters:
  ///   - reason: why it has ended.
  ///   - whenClosed: what else is to be let go of.
  init(
    input: FileDescriptor, output: FileDescriptor, reason: @escaping @Sendable () async -> RemoteError?,
    whenClosed: @escaping @Sendable () -> Void = {}
  ) {
    (self.input, self.output, explain, end) = (input, output, reason, whenClosed)
    for descriptor in [input, output] {
      _ = fcntl(descriptor.rawValue, F_SETFL, fcntl(descriptor.rawValue, F_GETFL) | O_NONBLOCK)
    }
    signal(SIGPIPE, SIG_IGN)
  }

  func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int? {
    let count = read(input.rawValue, buffer.baseAddress, buffer.count)
    if count >= 0 { return count }
    if errno == EAGAIN || errno == EINTR { return nil }
    throw Errno(rawValue: errno)
  }

  func send(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int? {
    let count = write(output.rawValue, bytes.baseAddress, bytes.count)
    if count >= 0 { return count }
    if errno == EAGAIN || errno == EINTR { return nil }
    throw Errno(rawValue: errno)
  }

  func setHurried(_ hurried: Bool) {}

  func reason() async -> RemoteError? { await explain() }

  /// Harmless when called twice; not while another call is under way.
  func close() {
    let first = closed.withLock { closed in
      defer { closed = true }
      return !closed
    }
    guard first else { return }
    try? input.close()
    if output != input { try? output.close() }
    end()
  }
}
