// SPDX-License-Identifier: Apache-2.0

import Foundation
import Jobs
import Sync
import SystemPackage
import Testing
import Vocabulary
import Wire

@testable import RemoteKit

#if canImport(Glibc)
  import Glibc
#endif

/// One session for everything at once: a push, and the logs of many jobs, read fast, slowly, and for a time not at all.
@Suite struct ManyChannelsTests {
  private static let jobs = 16
  /// The environment's `REMOTE_BUILD_TEST_PUSH` is the push's size in MiB.
  private static let pushed =
    (ProcessInfo.processInfo.environment["REMOTE_BUILD_TEST_PUSH"].flatMap { Int($0) } ?? 192) << 20
  /// Of each job's log; more than a channel's window and the pipes on the way hold.
  private static let logged = 4_000_000

  @Test func sixteenLogsAreFollowedWhileMuchIsPushed() async throws {
    try await Sshd.with { server in
      let agent = FilePath(ProcessInfo.processInfo.arguments[0]).removingLastComponent().appending("remote-build-agent")
      for name in ["linux-amd64", "linux-arm64"] {
        try FileManager.default.createSymbolicLink(
          atPath: server.path("agents/" + name), withDestinationPath: agent.string)
      }
      let top = "/dev/shm/remote-build-channels.\(UInt32.random(in: 0 ... .max))"
      try FileManager.default.createDirectory(atPath: top + "/laptop", withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: top) }
      try Self.writeNoise(to: top + "/laptop", bytes: Self.pushed)
      let scan = try await WorkspaceScanner(root: FilePath(top + "/laptop"), contexts: [], cacheFile: nil).scan()

      let connection = try await HostConnection.connect(host: server.host, options: server.options())
      let control = JobClient(try await connection.openAgent().frames)
      // Every line is its job's name and the number of its first byte: what is lost, doubled or another's shows.
      for number in 0..<Self.jobs {
        let script =
          "BEGIN { for (i = 0; i < \(Self.logged / 16); i++) printf \"%02d %012d\\n\", \(number), i * 16 }"
        try await control.start(
          JobSpec(
            id: Self.id(number), title: "log \(number)", workspace: "/", owner: "tester",
            steps: [JobStep(name: "print", argv: ["awk", script])], maxBuilds: Self.jobs, dockerConfig: false))
      }
      let before = try Self.peak(resetting: true)
      let hasPushed = AsyncStream<Never>.makeStream()
      let (late, opensLate) = hasPushed
      let start = ContinuousClock.now
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<Self.jobs {
          let tail = JobClient(try await connection.openAgent().frames)
          group.addTask {
            var reader = LineCheck(number: number)
            // A quarter of them takes nothing until all was pushed: their windows stay full.
            var waits = number % 4 == 0
            let status = try await tail.tail(Self.id(number)) { bytes in
              if waits { for await _ in late {} }
              waits = false
              reader.take(bytes)
              if number % 4 == 1 { await Task.yield() }
            }
            #expect(status.phase == .pushed)
            #expect(reader.isRight && reader.offset == Self.logged / 16 * 16, "log \(number) at \(reader.offset)")
          }
        }
        group.addTask {
          defer { opensLate.finish() }
          let push = WorkspacePush(
            scan: scan, host: "lab",
            call: PushCall(workspace: top + "/host", options: PushOptions(owner: "tester", project: "p")),
            ancestors: nil)
          let first = try await connection.openAgent().frames
          let report = try await push.run(
            over: first, channels: { try await connection.openAgent(bulk: true).frames })
          #expect(report.contentBytes.bytes >= Self.pushed)
        }
        // Control gets its answers meanwhile.
        group.addTask {
          for _ in 0..<20 {
            let listed = try await control.list()
            #expect(listed.count == Self.jobs)
          }
        }
        try await group.waitForAll()
      }
      let after = try Self.peak(resetting: false)
      print(
        "\(Self.pushed >> 20) MiB pushed beside \(Self.jobs) logs of \(Self.logged) bytes in \(start.duration(to: .now)): "
          + "peak memory \(after >> 20) MiB, \(before >> 20) MiB before")
      // What is under way is bounded by the windows, and no log or file is held as a whole.
      #expect(after - before < 600 << 20)
      await connection.close()
    }
  }

  private static func id(_ number: Int) -> String { "01LOG\(100 + number)" }

  /// Noise, which no compression makes less of, in files of different sizes.
  private static func writeNoise(to directory: String, bytes: Int) throws {
    let source = try FileHandle(forReadingFrom: URL(filePath: "/dev/urandom"))
    defer { try? source.close() }
    var rest = bytes
    var number = 0
    while rest > 0 {
      let size = min(rest, number % 8 == 0 ? 1 << 20 : 24 << 20)
      let data = try source.read(upToCount: size) ?? Data()
      try data.write(to: URL(filePath: "\(directory)/noise.\(number)"))
      rest -= data.count
      number += 1
    }
  }

  /// The most memory that this process has had, in bytes.
  private static func peak(resetting: Bool) throws -> Int {
    if resetting { try Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs")) }
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(separator: " ").compactMap { Int($0) }.first ?? 0) << 10
  }
}

/// Looks at a log's bytes as they come, however they are cut.
private struct LineCheck {
  private(set) var offset = 0
  private(set) var isRight = true
  private var line: [UInt8] = []
  /// The line that is due.
  private var due: [UInt8]

  init(number: Int) { due = Array((number < 10 ? "0\(number)" : "\(number)").utf8) + Array(" 000000000000\n".utf8) }

  mutating func take(_ bytes: [UInt8]) {
    line += bytes
    let whole = line.count / 16 * 16
    let all = line
    all.withUnsafeBytes { line in
      for start in stride(from: 0, to: whole, by: 16) {
        let isSame = due.withUnsafeBytes { memcmp($0.baseAddress!, line.baseAddress! + start, 16) == 0 }
        isRight = isRight && isSame
        offset += 16
        count(16)
      }
    }
    line.removeFirst(whole)
  }

  /// Adds to the number in the line that is due.
  private mutating func count(_ more: Int) {
    var carry = more
    var place = 14
    while carry > 0 {
      carry += Int(due[place]) - 48
      due[place] = UInt8(48 + carry % 10)
      carry /= 10
      place -= 1
    }
  }
}
