// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Wire

@testable import RemoteKit

/// What a connection to a host promises, whatever carries it.
@Suite struct LinkTests {
  private func drain(_ stream: any ByteStream) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while let more = try await stream.read(upTo: 64 << 10) { bytes += more }
    return bytes
  }

  private func start(_ link: any HostLink, _ command: String) async throws -> any CommandStream {
    try await link.execute(command, bulk: false, timeout: .seconds(30))
  }

  @Test(.timeLimit(.minutes(5)), arguments: Host.Transport.allCases)
  func outputAndStandardErrorAreApart(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      let link = try await server.link(transport)
      let stream = try await start(link, "head -c 8000000 /dev/zero >&2; echo err >&2; echo out; exit 7")
      #expect(try await drain(stream) == Array("out\n".utf8))
      try await stream.untilEndOfOutput()
      while await !stream.standardErrorTail().hasSuffix("err\n") { await Task.yield() }
      await stream.close()
      await #expect(throws: RemoteError.self) { try await stream.read(upTo: 1) }
      await link.close()
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: Host.Transport.allCases)
  func eightStreamsAtOnce(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      let link = try await server.link(transport)
      try await withThrowingTaskGroup(of: Int.self) { group in
        for bulk in [true, false, true, false, true, false, true, false] {
          group.addTask {
            let stream = try await link.execute("exec cat", bulk: bulk, timeout: .seconds(30))
            let count = try await Pattern.echo(8, through: stream)
            await stream.close()
            return count
          }
        }
        for try await count in group { #expect(count == 8 << 20) }
      }
      await link.close()
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: Host.Transport.allCases)
  func anUnreadStreamHoldsItsWriterBackButNotItsNeighbour(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      let link = try await server.link(transport)
      let held = try await start(link, "head -c 30000000 /dev/zero; echo finished >&2")
      let other = try await start(link, "head -c 20000000 /dev/zero")
      #expect(try await drain(other).count == 20_000_000)
      #expect(await held.standardErrorTail() == "")
      #expect(try await drain(held).count == 30_000_000)
      try await held.untilEndOfOutput()
      while await held.standardErrorTail() != "finished\n" { await Task.yield() }
      await link.close()
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: Host.Transport.allCases)
  func closingOneLeavesTheOthersAlone(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      let link = try await server.link(transport)
      let stuck = try await start(link, "exec cat")
      let reader = Task { try await stuck.read(upTo: 10) }
      let other = try await start(link, "exec cat")
      try await other.write([1, 2, 3])
      #expect(try await other.read(upTo: 10) == [1, 2, 3])
      await stuck.close()
      await #expect(throws: RemoteError.self) { try await reader.value }
      try await other.write([4])
      #expect(try await other.read(upTo: 10) == [4])
      await link.close()
      await #expect(throws: RemoteError.self) { try await other.read(upTo: 10) }
      await link.close()
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: Host.Transport.allCases)
  func aCommandThatTakesNoMoreEndsTheWrite(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      let link = try await server.link(transport)
      let stream = try await start(link, "head -c 10 >/dev/null; echo no; exit 3")
      let error = await #expect(throws: RemoteError.self) {
        try await stream.write(Array(repeating: 0, count: 32 << 20))
      }
      #expect(error?.code == .connectionLost)
      #expect(try await drain(stream) == Array("no\n".utf8))
      await link.close()
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: Host.Transport.allCases)
  func aCutConnectionEndsEveryWait(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      let link = try await server.link(transport)
      let stream = try await start(link, "exec cat")
      try await stream.write([1])
      #expect(try await stream.read(upTo: 1) == [1])
      let reader = Task { try await stream.read(upTo: 1) }
      let end = Task { try await stream.untilEndOfOutput() }
      for child in server.children() { kill(child, SIGKILL) }
      let error = await #expect(throws: RemoteError.self) { try await reader.value }
      #expect(error?.code == .connectionLost)
      let other = await #expect(throws: RemoteError.self) { try await end.value }
      #expect(other?.code == .connectionLost)
      let late = await #expect(throws: RemoteError.self) { _ = try await start(link, "true").read(upTo: 1) }
      #expect(late?.code == .connectionLost)
      await link.close()
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: Host.Transport.allCases)
  func aFrozenHostIsNoticed(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      try server.configure("ServerAliveInterval 1\nServerAliveCountMax 2")
      let link = try await server.link(transport)
      let stream = try await start(link, "exec cat")
      try await stream.write([1])
      #expect(try await stream.read(upTo: 1) == [1])
      for child in server.children() { kill(child, SIGSTOP) }
      let error = await #expect(throws: RemoteError.self) { try await stream.read(upTo: 1) }
      #expect(error?.code == .timedOut)
      await link.close()
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: Host.Transport.allCases)
  func tooManyStreamsAreAClearError(_ transport: Host.Transport) async throws {
    // The first value of an option counts.
    try await Sshd.with(before: "MaxSessions 3") { server in
      let link = try await server.link(transport)
      var open: [any CommandStream] = []
      for _ in 0..<3 {
        let stream = try await start(link, "exec cat")
        try await stream.write([9])
        #expect(try await stream.read(upTo: 1) == [9])
        open.append(stream)
      }
      let error = await #expect(throws: RemoteError.self) { _ = try await start(link, "exec cat").read(upTo: 1) }
      #expect(error?.code == .protocolFailure)
      let hint = error?.hint ?? ""
      #expect(hint.contains("MaxSessions"))
      try await open[0].write([9])
      #expect(try await open[0].read(upTo: 1) == [9])
      await link.close()
    }
  }
}
