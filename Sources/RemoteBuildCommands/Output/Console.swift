// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

#if canImport(Glibc)
  private let posixWrite = Glibc.write
#else
  private let posixWrite = Darwin.write
#endif

/// Writes to standard output and standard error: whole pieces, so that what tasks write side by side does not mix.
///
/// When nobody reads any more (`| head`), the rest is dropped without a word: the run matters more than its telling.
final class Console: Sendable {
  enum Channel: Sendable {
    /// Standard output: data.
    case out
    /// Standard error: talk.
    case talk
  }

  let terminal: Terminal
  private let descriptors: (out: Int32, talk: Int32)
  private let closed = Mutex<Set<Channel>>([])

  init(terminal: Terminal, out: Int32 = STDOUT_FILENO, talk: Int32 = STDERR_FILENO) {
    self.terminal = terminal
    descriptors = (out, talk)
    // A reader that has gone is then an error of that one write, and not the end of the process.
    signal(SIGPIPE, SIG_IGN)
  }

  /// Writes a line of data to standard output.
  func out(_ line: String) { write(line + "\n", to: .out) }

  /// Writes a line of talk to standard error.
  func say(_ line: String) { write(line + "\n", to: .talk) }

  /// Writes `text` in one piece. It waits while the reader is behind: not for tasks of the cooperative pool to call
  /// often.
  func write(_ text: String, to channel: Channel) {
    closed.withLock { closed in
      guard !closed.contains(channel), !text.isEmpty else { return }
      var text = text
      let descriptor = channel == .out ? descriptors.out : descriptors.talk
      if !text.withUTF8({ Self.write($0, to: descriptor) }) { closed.insert(channel) }
    }
  }

  /// The same for bytes that need be no text.
  func write(_ bytes: [UInt8], to channel: Channel) {
    closed.withLock { closed in
      guard !closed.contains(channel), !bytes.isEmpty else { return }
      let descriptor = channel == .out ? descriptors.out : descriptors.talk
      if !bytes.withUnsafeBufferPointer({ Self.write($0, to: descriptor) }) { closed.insert(channel) }
    }
  }

  /// Whether all of it was written; if not, nothing more can be.
  private static func write(_ bytes: UnsafeBufferPointer<UInt8>, to descriptor: Int32) -> Bool {
    var rest = UnsafeRawBufferPointer(bytes)
    while !rest.isEmpty {
      let written = posixWrite(descriptor, rest.baseAddress, rest.count)
      if written >= 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
      } else if errno == EAGAIN {
        // Someone who shares the terminal made it non-blocking.
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&waiting, 1, -1)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }
}
