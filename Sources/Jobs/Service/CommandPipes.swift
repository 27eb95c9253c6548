// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A command's three streams: what it reads is given, what it writes is kept up to a limit and dropped beyond.
final class CommandPipes {
  /// The child's ends: standard input, output, error.
  private(set) var theirs: [FileDescriptor] = []
  private(set) var standardOutput: [UInt8] = []
  private(set) var standardError: [UInt8] = []
  private(set) var isTruncated = false
  private var input: [UInt8]
  private var writer: FileDescriptor?
  private var output: FileDescriptor?
  private var error: FileDescriptor?

  init(input: [UInt8]) throws {
    self.input = input
    do {
      let pipes = try (0..<3).map { _ in try FileDescriptor.privatePipe() }
      theirs = [pipes[0].readEnd, pipes[1].writeEnd, pipes[2].writeEnd]
      (writer, output, error) = (pipes[0].writeEnd, pipes[1].readEnd, pipes[2].readEnd)
    } catch let error as Errno {
      throw ServiceFailure.system("cannot make a pipe", error)
    }
    for descriptor in theirs + ours { _ = fcntl(descriptor.rawValue, F_SETFD, FD_CLOEXEC) }
    for descriptor in ours { _ = fcntl(descriptor.rawValue, F_SETFL, O_NONBLOCK) }
    if input.isEmpty { close(&writer) }
  }

  deinit { for descriptor in theirs + ours { try? descriptor.close() } }

  private var ours: [FileDescriptor] { [writer, output, error].compactMap { $0 } }
  var reading: [FileDescriptor] { [output, error].compactMap { $0 } }
  var writing: FileDescriptor? { writer }

  func closeTheirs() {
    for descriptor in theirs { try? descriptor.close() }
    theirs = []
  }

  /// Reads from or writes to a descriptor that is ready; others are left alone.
  func transfer(_ descriptor: FileDescriptor, limit: Int) {
    if descriptor == writer {
      let count = write(descriptor.rawValue, input, input.count)
      if count > 0 { input.removeFirst(count) }
      if count < 0 && errno != EAGAIN && errno != EINTR || input.isEmpty { close(&writer) }
    } else if descriptor == output {
      if !take(descriptor, into: &standardOutput, limit) { close(&output) }
    } else if descriptor == error {
      if !take(descriptor, into: &standardError, limit) { close(&error) }
    }
  }

  /// Takes what is in the pipes now, and waits for no more.
  func drain(limit: Int) {
    while let output, take(output, into: &standardOutput, limit, whenEmpty: false) {}
    while let error, take(error, into: &standardError, limit, whenEmpty: false) {}
  }

  /// False at the end, and `whenEmpty` when there is nothing now.
  private func take(
    _ descriptor: FileDescriptor, into bytes: inout [UInt8], _ limit: Int, whenEmpty: Bool = true
  ) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    let count = read(descriptor.rawValue, &buffer, buffer.count)
    if count < 0 { return (errno == EAGAIN || errno == EINTR) && whenEmpty }
    let kept = min(count, limit - bytes.count)
    bytes += buffer.prefix(kept)
    if kept < count { isTruncated = true }
    return count > 0
  }

  private func close(_ descriptor: inout FileDescriptor?) {
    try? descriptor?.close()
    descriptor = nil
  }
}
