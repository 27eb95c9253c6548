// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Wire

@testable import RemoteKit

@Suite struct ChannelTests {
  /// Everything that comes until the end.
  private func drain(_ stream: any ByteStream, limit: Int = 64 << 10) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while let more = try await stream.read(upTo: limit) { bytes += more }
    return bytes
  }

  @Test(arguments: Sshd.Kind.here) func exitStatusSignalAndStandardError(_ kind: Sshd.Kind) async throws {
    try await Sshd.with(kind) { server in
      let session = try await server.session()
      let first = try await session.execute("echo out; echo err >&2; exit 7")
      #expect(try await drain(first) == Array("out\n".utf8))
      #expect(try await first.exit(timeout: .seconds(20)) == .exited(7))
      #expect(await first.standardErrorTail() == "err\n")
      await first.close()
      let second = try await session.execute("kill -KILL $$")
      #expect(try await drain(second).isEmpty)
      #expect(try await second.exit(timeout: .seconds(20)) == .signalled("KILL"))
      await session.close()
    }
  }

  @Test(arguments: Sshd.Kind.here) func aCommandThatEndsBeforeItsInputEndsTheWrite(_ kind: Sshd.Kind) async throws {
    try await Sshd.with(kind) { server in
      let session = try await server.session()
      let channel = try await session.execute("head -c 10 >/dev/null; exit 3")
      let error = await #expect(throws: RemoteError.self) {
        try await channel.write(Array(repeating: 0, count: 8 << 20))
      }
      #expect(error?.code == .connectionLost)
      #expect(try await drain(channel).isEmpty)
      #expect(try await channel.exit(timeout: .seconds(20)) == .exited(3))
      await session.close()
    }
  }

  /// libssh2 hides the end of a channel while there is output that nobody read.
  @Test(arguments: ["echo no; exit 0", "echo no; exit 3", "echo no; kill -KILL $$"])
  func aCommandThatEndsWithItsOutputUnreadEndsTheWrite(_ command: String) async throws {
    try await Sshd.with { server in
      let session = try await server.session()
      let channel = try await session.execute(command)
      let error = await #expect(throws: RemoteError.self) {
        try await channel.write(Array(repeating: 0, count: 8 << 20))
      }
      #expect(error?.code == .connectionLost)
      #expect(try await drain(channel, limit: 2) == Array("no\n".utf8))
      let ends: [String: CommandExit] = [
        "echo no; exit 0": .exited(0), "echo no; exit 3": .exited(3), "echo no; kill -KILL $$": .signalled("KILL"),
      ]
      #expect(try await channel.exit(timeout: .seconds(20)) == ends[command])
      await session.close()
    }
  }

  @Test func theEndOfTheOutputIsKnownBeforeItIsRead() async throws {
    try await Sshd.with { server in
      let session = try await server.session()
      let channel = try await session.execute("echo no; kill -KILL $$")
      try await channel.untilEndOfOutput()
      #expect(try await drain(channel) == Array("no\n".utf8))
      let other = try await session.execute("exec cat")
      let waiting = Task { try await other.untilEndOfOutput() }
      waiting.cancel()
      await #expect(throws: CancellationError.self) { try await waiting.value }
      await session.close()
    }
  }

  @Test func aCommandThatNeverTakesItsInputIsGivenUp() async throws {
    try await Sshd.with { server in
      let session = try await server.session()
      await session.beImpatient()
      let channel = try await session.execute("exec sleep 1000")
      let error = await #expect(throws: RemoteError.self) {
        try await channel.write(Array(repeating: 0, count: 8 << 20))
      }
      #expect(error?.code == .timedOut)
      await session.close()
    }
  }

  @Test(arguments: Sshd.Kind.here) func muchStandardErrorDoesNotStallStandardOutput(_ kind: Sshd.Kind) async throws {
    try await Sshd.with(kind) { server in
      let session = try await server.session()
      let channel = try await session.execute("head -c 8000000 /dev/zero >&2; echo done")
      #expect(try await drain(channel) == Array("done\n".utf8))
      #expect(await channel.standardErrorTail().utf8.count == 16 << 10)
      await session.close()
    }
  }

  @Test(arguments: Sshd.Kind.here) func sixtyFourMebibytesThroughAnEchoInSmallReads(_ kind: Sshd.Kind) async throws {
    try await Sshd.with(kind) { server in
      let session = try await server.session()
      let channel = try await session.execute("cat")
      #expect(try await Pattern.echo(64, reads: 10_000, through: channel) == 64 << 20)
      #expect(try await channel.exit(timeout: .seconds(20)) == .exited(0))
      await session.close()
    }
  }

  @Test(arguments: Sshd.Kind.here) func anUnreadChannelHoldsItsWriterBackButNotItsNeighbour(_ kind: Sshd.Kind)
    async throws
  {
    try await Sshd.with(kind) { server in
      let session = try await server.session()
      let held = try await session.execute("head -c 30000000 /dev/zero; echo finished >&2")
      let other = try await session.execute("head -c 20000000 /dev/zero")
      #expect(try await drain(other).count == 20_000_000)
      #expect(await held.standardErrorTail() == "")
      #expect(try await drain(held).count == 30_000_000)
      #expect(await held.standardErrorTail() == "finished\n")
      await session.close()
    }
  }

  @Test(arguments: Sshd.Kind.here) func eightChannelsAtOnce(_ kind: Sshd.Kind) async throws {
    try await Sshd.with(kind) { server in
      let session = try await server.session()
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<8 {
          group.addTask {
            let channel = try await session.execute("cat")
            let bytes = [UInt8](repeating: UInt8(number), count: 3_000_000 + number)
            async let echo = drain(channel)
            try await channel.write(bytes)
            try await channel.finishWriting()
            let same = try await echo == bytes
            await channel.close()
            return same
          }
        }
        for try await same in group { #expect(same) }
      }
      await session.close()
    }
  }

  @Test(arguments: Sshd.Kind.here) func closingAChannelOfARunningCommandLeavesTheOthersAlone(_ kind: Sshd.Kind)
    async throws
  {
    try await Sshd.with(kind) { server in
      let session = try await server.session()
      let stuck = try await session.execute("exec cat")
      let reader = Task { try await stuck.read(upTo: 10) }
      let other = try await session.execute("exec cat")
      await stuck.close()
      await #expect(throws: RemoteError.self) { try await reader.value }
      try await other.write([1, 2, 3])
      #expect(try await other.read(upTo: 10) == [1, 2, 3])
      await session.close()
      await #expect(throws: RemoteError.self) { try await other.read(upTo: 10) }
      #expect(await session.isReleased)
    }
  }

  @Test func aCancelledReadEndsAndTheChannelGoesOn() async throws {
    try await Sshd.with { server in
      let session = try await server.session()
      let channel = try await session.execute("exec cat")
      let reader = Task { try await channel.read(upTo: 10) }
      reader.cancel()
      await #expect(throws: CancellationError.self) { try await reader.value }
      try await channel.write([7])
      #expect(try await channel.read(upTo: 10) == [7])
      await session.close()
    }
  }

  @Test func aFrozenPeerIsNoticed() async throws {
    try await Sshd.with { server in
      try server.configure("ServerAliveInterval 1\nServerAliveCountMax 2")
      let session = try await server.session()
      let channel = try await session.execute("exec cat")
      try await channel.write([1])
      #expect(try await channel.read(upTo: 1) == [1])
      for child in server.children() { kill(child, SIGSTOP) }
      let error = await #expect(throws: RemoteError.self) { try await channel.read(upTo: 1) }
      #expect(error?.code == .timedOut)
      await session.close()
    }
  }

  @Test func aQuietPeerIsNotTakenForAFrozenOne() async throws {
    try await Sshd.with { server in
      try server.configure("ServerAliveInterval 1\nServerAliveCountMax 1")
      let session = try await server.session()
      let channel = try await session.execute("sleep 3; echo up")
      #expect(try await drain(channel) == Array("up\n".utf8))
      await session.close()
    }
  }

  @Test(arguments: Sshd.Kind.here) func aCutConnectionEndsEveryWait(_ kind: Sshd.Kind) async throws {
    try await Sshd.with(kind) { server in
      let session = try await server.session()
      let channel = try await session.execute("exec cat")
      let reader = Task { try await channel.read(upTo: 1) }
      for child in server.children() { kill(child, SIGKILL) }
      let error = await #expect(throws: RemoteError.self) { try await reader.value }
      #expect(error?.code == .connectionLost)
      let late = await #expect(throws: RemoteError.self) { try await session.execute("true") }
      #expect(late?.code == .connectionLost)
      await session.close()
    }
  }

  @Test func tooManyChannelsAreAClearError() async throws {
    try await Sshd.with(extra: "#") { server in
      let session = try await server.session()
      var open: [SSHChannel] = []
      var refusal: RemoteError?
      do {
        for _ in 0..<41 { open.append(try await session.execute("exec cat")) }
      } catch let error as RemoteError {
        refusal = error
      }
      #expect(open.count == 40)
      let hint = refusal?.hint ?? ""
      #expect(hint.contains("MaxSessions"))
      try await open[0].write([9])
      #expect(try await open[0].read(upTo: 1) == [9])
      await session.close()
    }
  }
}

extension SSHSession {
  fileprivate func beImpatient() { writePatience = .milliseconds(200) }

  /// Whether libssh2 has let go of everything, channels of running commands included.
  fileprivate var isReleased: Bool { engine.session == nil }
}
