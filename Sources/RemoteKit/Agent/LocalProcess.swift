// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Synchronization
internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A process on this machine with pipes for its standard streams, in a session of its own: an interrupt typed at the
/// terminal is not meant for it.
final class LocalProcess: ByteStream {
  private let stream: DescriptorStream
  private let diagnostics: Diagnostics

  /// What the process wrote to its standard error, kept short.
  private final class Diagnostics: Sendable {
    let tail = Mutex<[UInt8]>([])

    func append(_ bytes: ArraySlice<UInt8>) {
      tail.withLock { tail in
        tail += bytes
        if tail.count > 32 << 10 { tail.removeFirst(tail.count - 16 << 10) }
      }
    }
  }

  // POSIX_SPAWN_SETSID, which Glibc's headers show to GNU sources alone.
  #if canImport(Glibc)
    private static let newSession: Int16 = 0x80
  #else
    private static let newSession: Int16 = 0x400
  #endif

  init(_ path: FilePath, arguments: [String] = [], environment: [String: String]) throws {
    let input = try FileDescriptor.privatePipe()
    let output = try FileDescriptor.privatePipe()
    let errors = try FileDescriptor.privatePipe()
    let ends = [input, output, errors].flatMap { [$0.readEnd, $0.writeEnd] }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, end) in [input.readEnd, output.writeEnd, errors.writeEnd].enumerated() {
      posix_spawn_file_actions_adddup2(&actions, end.rawValue, CInt(number))
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // This thread's blocked and ignored signals would be the process's too, and it could not be ended.
    var (none, all) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    let flags = Self.newSession | Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF)
    posix_spawnattr_setflags(&attributes, flags)
    var words: [UnsafeMutablePointer<CChar>?] =
      ([path.string] + arguments).map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] =
      environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in words + variables { free(text) } }
    var pid: pid_t = 0
    let status = posix_spawn(&pid, path.string, &actions, &attributes, &words, &variables)
    guard status == 0 else {
      for descriptor in ends { try? descriptor.close() }
      throw Errno(rawValue: status)
    }
    for end in [input.readEnd, output.writeEnd, errors.writeEnd] { try? end.close() }
    let diagnostics = Diagnostics()
    self.diagnostics = diagnostics
    let (child, errorEnd) = (pid, errors.readEnd)
    // The thread ends with the process, whose last word it may read, and reaps it.
    Thread.detachNewThread {
      var buffer = [UInt8](repeating: 0, count: 4 << 10)
      while let count = try? buffer.withUnsafeMutableBytes({ try errorEnd.read(into: $0) }),
        count > 0
      {
        diagnostics.append(buffer[..<count])
      }
      try? errorEnd.close()
      var status: CInt = 0
      while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    }
    stream = try DescriptorStream(reading: output.readEnd, writing: input.writeEnd)
  }

  func read(upTo limit: Int) async throws -> [UInt8]? { try await stream.read(upTo: limit) }

  func write(_ bytes: [UInt8]) async throws { try await stream.write(bytes) }

  func finishWriting() async throws { try await stream.finishWriting() }

  /// Closes the pipes; the process ends by itself when its input does, as an agent on a host does.
  func close() async { await stream.close() }

  var standardErrorTail: String {
    String(decoding: diagnostics.tail.withLock { $0 }, as: UTF8.self)
  }
}
