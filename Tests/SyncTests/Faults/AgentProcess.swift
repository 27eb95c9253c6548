// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import SystemPackage
import Wire

@testable import Sync

#if canImport(Glibc)
  import Glibc
#endif

/// The real agent as a process, over pipes: the one that was built beside the test bundle.
final class AgentProcess: Sendable {
  let stream: DescriptorStream
  let pid: pid_t
  private let hasEnded = Mutex<Bool>(false)

  static let path: String = {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let own = FilePath(String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self))
    return own.removingLastComponent().appending("remote-build-agent").string
  }()

  /// - Parameters:
  ///   - home: where the agent keeps what is not a workspace's.
  ///   - prefix: a program that starts it, with its arguments.
  init(home: String, variables: [String: String] = [:], prefix: [String] = []) throws {
    let (theirInput, ourOutput) = try FileDescriptor.privatePipe()
    let (ourInput, theirOutput) = try FileDescriptor.privatePipe()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, theirInput.rawValue, 0)
    posix_spawn_file_actions_adddup2(&actions, theirOutput.rawValue, 1)
    posix_spawn_file_actions_addopen(&actions, 2, home + "/agent.log", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    var environment = ["HOME": home, "XDG_STATE_HOME": home + "/state", "TMPDIR": home, "PATH": "/usr/bin:/bin"]
    environment.merge(variables) { $1 }
    let words = (prefix + [Self.path]).map { strdup($0) } + [nil]
    let settings = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in words + settings { free(text) } }
    var pid: pid_t = 0
    let failure = posix_spawnp(&pid, (prefix + [Self.path])[0], &actions, nil, words, settings)
    try theirInput.close()
    try theirOutput.close()
    self.pid = pid
    stream = try DescriptorStream(reading: ourInput, writing: ourOutput)
    guard failure == 0 else { throw Errno(rawValue: failure) }
  }

  deinit { hasEnded.withLock { if !$0 { reap(SIGKILL) } } }

  /// Waits for its end once nothing more is said to it, and returns what `wait` says.
  @discardableResult
  func end() async -> Int32 { await finish(nil) }

  /// Kills it, as a broken machine would.
  @discardableResult
  func kill() async -> Int32 { await finish(SIGKILL) }

  private func finish(_ signal: Int32?) async -> Int32 {
    await stream.close()
    return
      (try? await Threads.run {
        self.hasEnded.withLock { ended in
          if ended { return 0 }
          ended = true
          return self.reap(signal)
        }
      }) ?? 0
  }

  @discardableResult
  private func reap(_ signal: Int32?) -> Int32 {
    if pid <= 0 { return 0 }
    if let signal { _ = Glibc.kill(pid, signal) }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    return status
  }
}

extension Fixture {
  /// What a push that may break came to.
  struct Outcome {
    var result: Result<PushReport, any Error>
    /// What the agent's end was: 0 for an orderly one, or a signal's number.
    var status: Int32
    var report: PushReport? { try? result.get() }
    var code: String? {
      if case .failure(let failure as ServiceFailure) = result { return failure.code }
      return nil
    }
  }

  /// Pushes to an agent of its own, over a stream that may be made of its.
  func push(
    _ options: PushOptions, to agent: AgentProcess, scan: Scan? = nil,
    over wrap: (any ByteStream) -> any ByteStream = { $0 }
  ) async throws -> Outcome {
    do {
      let scanned: Scan
      if let scan { scanned = scan } else { scanned = try await self.scan() }
      let push = WorkspacePush(
        scan: scanned, host: "host-1", call: PushCall(workspace: host, options: options), ancestors: ancestors)
      let connection = FrameConnection(wrap(agent.stream))
      let result: Result<PushReport, any Error>
      do {
        _ = try await connection.receiveHello()
        result = .success(try await push.run(over: connection))
      } catch {
        result = .failure(error)
      }
      await connection.close()
      return Outcome(result: result, status: await agent.end() & 0x7f)
    } catch {
      await agent.kill()
      throw error
    }
  }
}
