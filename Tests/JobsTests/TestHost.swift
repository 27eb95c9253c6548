// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Wire

@testable import Jobs

#if canImport(Glibc)
  import Glibc
#endif

/// A home and state of its own for agents that are started for one test. Everything that runs there ends with it.
final class TestHost: Sendable {
  let directory: FilePath
  let environment: [String: String]

  /// Gives `body` a fresh host and clears it away, also when the body throws.
  static func with(_ body: (TestHost) async throws -> Void) async throws {
    let host = try TestHost()
    do {
      try await body(host)
    } catch {
      host.clear()
      throw error
    }
    host.clear()
  }

  private init(_ directory: FilePath, _ environment: [String: String]) {
    self.directory = directory
    self.environment = environment
  }

  /// The same host with other variables.
  func adding(_ variables: [String: String]) -> TestHost {
    TestHost(directory, environment.merging(variables) { $1 })
  }

  private init() throws {
    var template = Array("/tmp/remote-build-jobs-test.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    directory = FilePath(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    environment = [
      "HOME": directory.appending("home").string, "XDG_STATE_HOME": directory.appending("state").string,
      "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "USER": "tester",
    ]
    mkdir(directory.appending("home").string, 0o700)
  }

  var home: FilePath { directory.appending("home") }
  var state: FilePath { directory.appending("state/remote-build") }
  var store: JobStore { JobStore(HostEnvironment(variables: environment)) }

  /// The agent that was built beside the test bundle.
  static let agentPath: String = {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let own = FilePath(String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self))
    return own.removingLastComponent().appending("remote-build-agent").string
  }()

  /// Starts an agent, receives its hello, and ends it after `body`.
  @discardableResult
  func withAgent<Value>(_ body: (TestAgent) async throws -> Value) async throws -> Value {
    let agent = try TestAgent(environment)
    do {
      _ = try await agent.connection.receiveHello()
      let value = try await body(agent)
      await agent.end()
      return value
    } catch {
      await agent.end()
      throw error
    }
  }

  @discardableResult
  func withClient<Value>(_ body: (JobClient) async throws -> Value) async throws -> Value {
    try await withAgent { try await body(JobClient($0.connection)) }
  }

  /// Follows a job's log until it has a line of `text`.
  func waitForLine(_ text: String, of id: String) async throws {
    struct Found: Error {}
    try await withClient { client in
      var seen: [UInt8] = []
      do {
        let status = try await client.tail(id) { bytes in
          seen += bytes
          if String(decoding: seen, as: UTF8.self).split(separator: "\n").contains(text[...]) { throw Found() }
        }
        Issue.record(
          "the job ended without the line \(text): \(status.stateForPeople), \(String(decoding: seen, as: UTF8.self))")
      } catch is Found {
        return
      }
    }
  }

  func end(of id: String) async throws -> JobStatus { try await withClient { try await $0.tail(id) { _ in } } }

  /// Waits for the end of a process that was killed or is about to end, and records an issue if it goes on.
  static func expectEnd(of pid: Int32, sourceLocation: SourceLocation = #_sourceLocation) throws {
    guard let identity = ProcessIdentity(running: pid) else { return }
    guard case .open(let descriptor) = ProcessDescriptor.open(identity) else { return }
    defer { try? descriptor.close() }
    var polled = [pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)]
    #expect(poll(&polled, 1, 30_000) == 1, "process \(pid) goes on", sourceLocation: sourceLocation)
  }

  /// What a process's descriptors stand for: paths, and `pipe:[NUMBER]`.
  static func openFiles(of pid: Int32) throws -> [String] {
    try SmallFile.names(in: FilePath("/proc/\(pid)/fd")).map { name in
      var buffer = [CChar](repeating: 0, count: 4096)
      let count = readlink("/proc/\(pid)/fd/\(name)", &buffer, buffer.count)
      return String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  /// All that the host has of a job's log.
  func log(of id: String) throws -> [UInt8] {
    try store.directory(id).log.pieces().flatMap { try SmallFile.read($0.path, limit: 64 << 20) }
  }

  /// A gate that a step can wait at.
  func gate() throws -> Gate { try Gate(directory.appending("gate.\(UInt32.random(in: 0 ... .max))")) }

  private func clear() {
    for status in store.list(limit: 1000) {
      if let supervisor = status.supervisor { _ = ProcessDescriptor.signal(supervisor, SIGKILL) }
      for process in status.steps.compactMap(\.process) where process.isRunning { kill(-process.pid, SIGKILL) }
    }
    SmallFile.removeTree(directory)
  }
}

/// An agent process and the connection to it.
final class TestAgent: @unchecked Sendable {
  // `@unchecked`: the process is started before anyone shares this, and only asked for its number and its end after.
  private let process = Process()
  private let ended: AsyncStream<Void>
  let connection: FrameConnection

  init(_ environment: [String: String]) throws {
    let (input, output) = (Pipe(), Pipe())
    process.executableURL = URL(fileURLWithPath: TestHost.agentPath)
    process.environment = environment
    process.standardInput = input
    process.standardOutput = output
    let (stream, continuation) = AsyncStream<Void>.makeStream()
    ended = stream
    process.terminationHandler = { _ in continuation.finish() }
    try process.run()
    let reading = FileDescriptor(rawValue: dup(output.fileHandleForReading.fileDescriptor))
    let writing = FileDescriptor(rawValue: dup(input.fileHandleForWriting.fileDescriptor))
    for descriptor in [reading, writing] { _ = fcntl(descriptor.rawValue, F_SETFD, FD_CLOEXEC) }
    try? input.fileHandleForWriting.close()
    try? output.fileHandleForReading.close()
    connection = FrameConnection(try DescriptorStream(reading: reading, writing: writing))
  }

  var pid: Int32 { process.processIdentifier }

  /// Kills it, as a broken machine would.
  func kill() async {
    _ = Glibc.kill(pid, SIGKILL)
    for await _ in ended {}
  }

  func end() async {
    await connection.close()
    for await _ in ended {}
  }
}

/// A named pipe: a step that reads a line from it waits until the test opens the gate.
final class Gate: Sendable {
  let path: FilePath
  private let pipe: FileDescriptor

  init(_ path: FilePath) throws {
    self.path = path
    guard mkfifo(path.string, 0o600) == 0 else { throw Errno(rawValue: errno) }
    pipe = try FileDescriptor.open(path, .readWrite, options: [.closeOnExec])
  }

  deinit { try? pipe.close() }

  /// The shell command that waits.
  var waiting: String { "read line < \(path)" }

  func open() throws { try pipe.writeAll(Array("go\n".utf8)) }
}

extension JobSpec {
  /// A job of shell commands, one a step.
  static func shell(
    _ id: String, _ scripts: String..., credentials: [CredentialEntry] = [], secrets: [SecretEntry] = [],
    holds: [String] = [], outputs: [String] = [], maxBuilds: Int = 100
  ) -> JobSpec {
    JobSpec(
      id: id, title: "image:\(id)", workspace: "/", owner: "tester@laptop",
      steps: scripts.enumerated().map {
        JobStep(name: "step\($0.offset + 1)", argv: ["sh", "-c", $0.element], outputs: outputs)
      }, credentials: credentials, secrets: secrets, holds: holds, plan: "{\"a\":1}", maxBuilds: maxBuilds)
  }
}
