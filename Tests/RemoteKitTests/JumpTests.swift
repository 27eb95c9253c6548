// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Wire

@testable import RemoteKit

/// A host that is reached through two others, over every transport.
@Suite(.enabled(if: Way.isPossible, "networks of their own need root"), .serialized) struct JumpTests {
  private func refusal(_ way: Way, _ kind: Way.Kind, acceptNew: Bool = false) async throws -> RemoteError {
    do {
      let connection = try await HostConnection.connect(
        host: way.host(kind), options: way.options(acceptNew: acceptNew))
      await connection.close()
      throw Sshd.Failure(description: "the login succeeded")
    } catch let error as RemoteError {
      return error
    }
  }

  private func untilNoClientIsLeft(_ way: Way) async throws {
    while !way.clients().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
  }

  @Test(.timeLimit(.minutes(5)), arguments: Way.Kind.allCases)
  func theAgentStartsAndAnswers(_ kind: Way.Kind) async throws {
    try await Way.with { way in
      try way.configure(kind)
      // Nothing answers there but on the way through both.
      for place in [Way.second, Way.target] {
        #expect(throws: TCPFailure.self) {
          try TCPTransport.connect(
            TCPTarget(name: place.address, port: place.port), deadline: .now + .seconds(5), isCancelled: { false })
        }
      }
      try StandInAgent.install(into: way.directory.appending("agents"))
      let connection = try await HostConnection.connect(host: way.host(kind), options: way.options())
      let agents = [try await connection.openAgent(), try await connection.openAgent(bulk: true)]
      for round in 0..<20 {
        for agent in agents {
          let payload = [UInt8](repeating: UInt8(round), count: 1 + round * 20_000)
          try await agent.frames.send(Frame(kind: 20, payload: payload))
          #expect(try await agent.frames.receive()?.payload == payload)
        }
      }
      for agent in agents { await agent.close() }
      await connection.close()
      try await untilNoClientIsLeft(way)
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: Way.Kind.allCases)
  func sixtyFourMebibytesBothWaysByFourChannels(_ kind: Way.Kind) async throws {
    try await Way.with { way in
      try way.configure(kind)
      let link = try await way.link(kind)
      try await withThrowingTaskGroup(of: Int.self) { group in
        for bulk in [true, false, true, false] {
          group.addTask {
            let stream = try await link.execute("exec cat", bulk: bulk, timeout: .seconds(30))
            let count = try await Pattern.echo(16, through: stream)
            await stream.close()
            return count
          }
        }
        for try await count in group { #expect(count == 16 << 20) }
      }
      await link.close()
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: Way.Kind.allCases, ["first", "second"])
  func aJumpThatIsKilledEndsATransferWithAnError(_ kind: Way.Kind, _ jump: String) async throws {
    try await Way.with { way in
      try way.configure(kind)
      let link = try await way.link(kind)
      let stream = try await link.execute("exec cat", bulk: false, timeout: .seconds(30))
      let writer = Task { while true { try await stream.write(Pattern.unit) } }
      for _ in 0..<50 { _ = try await stream.read(upTo: 60_000) }
      for server in try way.servers(of: jump) { kill(server, SIGKILL) }
      let error = await #expect(throws: RemoteError.self) {
        while let bytes = try await stream.read(upTo: 60_000), !bytes.isEmpty {}
      }
      #expect(error?.code == .connectionLost)
      if kind == .list {
        let message = error?.message ?? ""
        #expect(message.contains("at the jump host \(jump)"), "\(message)")
      }
      await #expect(throws: RemoteError.self) { try await writer.value }
      await #expect(throws: RemoteError.self) { try await stream.untilEndOfOutput() }
      await link.close()
      try await untilNoClientIsLeft(way)
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: Way.Kind.allCases)
  func aFrozenJumpIsNoticed(_ kind: Way.Kind) async throws {
    try await Way.with { way in
      try way.configure(kind, all: "ServerAliveInterval 1\nServerAliveCountMax 2")
      let link = try await way.link(kind)
      let stream = try await link.execute("exec cat", bulk: false, timeout: .seconds(30))
      try await stream.write([1])
      #expect(try await stream.read(upTo: 1) == [1])
      for server in try way.servers(of: "second") { kill(server, SIGSTOP) }
      let error = await #expect(throws: RemoteError.self) { try await stream.read(upTo: 1) }
      // Which of the sessions notices first is open; those of ssh are processes, one of which just ends.
      #expect(error?.code == .timedOut || (error?.code == .connectionLost && [.command, .openssh].contains(kind)))
      await link.close()
      try await untilNoClientIsLeft(way)
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: Way.Kind.allCases)
  func aStreamToWhatOnlyTheHostSees(_ kind: Way.Kind) async throws {
    try await Way.with { way in
      try way.configure(kind)
      let connection = try await HostConnection.connect(host: way.host(kind), options: way.options())
      let stream = try await connection.openTunnel(to: Way.target.address, port: Way.target.port)
      #expect(try await stream.read(upTo: 8) == Array("SSH-2.0-".utf8))
      let error = await #expect(throws: RemoteError.self) {
        let nobody = try await connection.openTunnel(to: "127.0.0.77", port: 77)
        _ = try await nobody.read(upTo: 1)
      }
      #expect(error?.code == .unreachable)
      // The other stream and the connection do not mind.
      try await stream.write(Array("SSH-2.0-nobody\r\n".utf8))
      #expect(try await stream.read(upTo: 1) != nil)
      await stream.close()
      await connection.close()
    }
  }

  @Test func anErrorNamesTheHopAtWhichItHappened() async throws {
    try await Way.with { way in
      let known = try way.read("known-second")
      try way.write("known-second", "")
      let unknown = try await refusal(way, .list)
      #expect(unknown.code == .unknownHostKey)
      #expect(unknown.jumpHost == "second")
      #expect(unknown.message.contains("at the jump host second: the host is not in known_hosts"))
      try way.write("known-second", known)

      try way.write("authorized-first", "")
      let refused = try await refusal(way, .list)
      #expect(refused.code == .authenticationRefused)
      #expect(refused.message.contains("at the jump host first: login as 'nobody' was refused"))
      try way.write("authorized-first", try way.read("key-first.pub"))

      // What does not answer is the target, but it is the second that says so.
      try way.configure(.list, target: "HostName 127.0.0.66")
      let gone = try await refusal(way, .list)
      #expect(gone.code == .unreachable)
      #expect(gone.message.contains("at the jump host second: the server opens no connection to 127.0.0.66 port 2203"))

      try way.configure(.list)
      try way.write("authorized-target", "")
      let last = try await refusal(way, .list)
      #expect(last.code == .authenticationRefused)
      #expect(last.jumpHost == nil)
    }
  }

  @Test(arguments: [Way.Kind.list, .openssh]) func newJumpHostsAreAcceptedTogether(_ kind: Way.Kind) async throws {
    try await Way.with { way in
      try way.configure(kind)
      for name in ["first", "second", "target"] { try way.write("known-\(name)", "") }
      #expect(try await refusal(way, kind).code == .unknownHostKey)
      #expect(try way.read("known-first").isEmpty)
      // The second's first file cannot be written.
      try way.configure(kind, second: "UserKnownHostsFile \(way.path("known-second"))")
      let connection = try await HostConnection.connect(host: way.host(kind), options: way.options(acceptNew: true))
      await connection.close()
      for name in ["first", "second", "target"] { #expect(try !way.read("known-\(name)").isEmpty, "\(name)") }
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: [Way.Kind.list, .command, .openssh])
  func aLoginThatIsGivenUpLeavesNothing(_ kind: Way.Kind) async throws {
    try await Way.with { way in
      try way.configure(kind, all: "ConnectTimeout 600")
      guard let second = pid_t(try way.read("pid-second")) else { return }
      // It takes connections, and says nothing.
      kill(second, SIGSTOP)
      let login = Task { try await way.link(kind) }
      while try way.servers(of: "first").isEmpty { try await Task.sleep(for: .milliseconds(10)) }
      login.cancel()
      await #expect(throws: (any Error).self) { try await login.value }
      kill(second, SIGCONT)
      try await untilNoClientIsLeft(way)
    }
  }
}
