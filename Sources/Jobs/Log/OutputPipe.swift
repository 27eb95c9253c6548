// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What a job's steps write to, and its supervisor reads from into the log: so the log has a bound, and whoever prints
/// faster than the disk takes waits. When the supervisor is killed the steps' next word ends them.
final class OutputPipe {
  /// The steps' end.
  let writing: FileDescriptor
  let reading: FileDescriptor
  private let log: JobLogWriter
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)
  /// Why the log takes no more, where it does not; what is printed is thrown away then.
  private(set) var failure: Errno?

  init(_ log: JobLogWriter) throws {
    self.log = log
    (reading, writing) = try ServiceFailure.wrapping("cannot make a pipe") { try FileDescriptor.privatePipe() }
    _ = fcntl(reading.rawValue, F_SETFL, O_NONBLOCK)
  }

  deinit { for end in [reading, writing] { try? end.close() } }

  /// Takes what is there, a buffer at most. False when there is nothing.
  @discardableResult
  func pump() -> Bool {
    let count = read(reading.rawValue, &buffer, buffer.count)
    guard count > 0 else { return false }
    guard failure == nil else { return true }
    do {
      try buffer.withUnsafeBytes { try log.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    } catch {
      failure = error as? Errno ?? .ioError
    }
    return true
  }

  /// Takes all that is there now, but no more than a pipe holds: a process that got away may write for ever.
  func drain() {
    for _ in 0..<64 where pump() {}
  }
}
