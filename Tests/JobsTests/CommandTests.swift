// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing
import Vocabulary
import Wire

@testable import Jobs

#if canImport(Glibc)
  import Glibc
#endif

/// Short commands, and facts about the host.
@Suite struct CommandTests {
  @Test func aCommandsStreamsAndStatusComeBack() async throws {
    try await TestHost.with { host in
      try await host.withClient { client in
        let input = String(repeating: "line\n", count: 40_000)
        let result = try await client.run(
          CommandRequest(
            argv: ["sh", "-c", "cat; echo $WORD >&2; pwd >&2; exit 3"], environment: ["WORD": "hello"],
            directory: "/usr",
            stdin: input))
        #expect(result.status == 3 && !result.succeeded && !result.truncated)
        #expect(result.stdout == input)
        #expect(result.stderr == "hello\n/usr\n")
        #expect(result.lastErrorLine == "/usr")
        let killed = try await client.run(CommandRequest(argv: ["sh", "-c", "kill -15 $$"]))
        #expect(killed.status == nil && killed.signal == 15)
        let long = try await client.run(CommandRequest(argv: ["head", "-c", "3000000", "/dev/zero"]))
        #expect(long.succeeded && long.truncated && long.stdout.utf8.count == 1 << 20)
      }
    }
  }

  @Test func aCommandIsKilledWithItsGroupAtTheDeadline() async throws {
    try await TestHost.with { host in
      try await host.withClient { client in
        let result = try await client.run(
          CommandRequest(argv: ["sh", "-c", "sleep 1000 & echo $!; wait"], timeout: 0.5))
        #expect(result.timedOut && result.signal == 9)
        let background = try #require(Int32(result.text))
        try TestHost.expectEnd(of: background)
      }
    }
  }

  @Test func whatACommandLeavesBehindDoesNotHoldItsResult() async throws {
    try await TestHost.with { host in
      try await host.withClient { client in
        let result = try await client.run(CommandRequest(argv: ["sh", "-c", "sleep 1000 & echo done"], timeout: 600))
        #expect(result.succeeded && result.text == "done")
      }
    }
  }

  @Test func aMissingProgramAndAMissingDirectoryAreToldApart() async throws {
    try await TestHost.with { host in
      try await host.withClient { client in
        for program in ["there-is-no-such-program", "/no/such/program"] {
          let missing = await #expect(throws: ServiceFailure.self) {
            try await client.run(CommandRequest(argv: [program]))
          }
          #expect(missing?.job == .noSuchExecutable)
        }
        let directory = await #expect(throws: ServiceFailure.self) {
          try await client.run(CommandRequest(argv: ["true"], directory: "/no/such/directory"))
        }
        #expect(directory?.job == .cannotStart)
        // The connection serves on.
        let next = try await client.run(CommandRequest(argv: ["true"]))
        #expect(next.succeeded)
      }
    }
  }

  @Test func aCommandCanAskForCredentials() async throws {
    try await TestHost.with { host in
      try await host.withClient { client in
        let entry = CredentialEntry(registry: "127.0.0.1:5000", username: "me", password: "word")
        let result = try await client.run(
          CommandRequest(
            argv: ["sh", "-c", "echo 127.0.0.1:5000 | docker-credential-remote-build get; echo $DOCKER_CONFIG >&2"],
            credentials: [entry]))
        #expect(result.stdout == #"{"Secret":"word","ServerURL":"127.0.0.1:5000","Username":"me"}"#)
        #expect(!SmallFile.exists(FilePath(try #require(result.lastErrorLine))))
      }
    }
  }

  @Test func factsAreThoseOfThisMachine() async throws {
    try await TestHost.with { host in
      let bin = host.directory.appending("bin")
      mkdir(bin.string, 0o700)
      try SmallFile.create(bin.appending("podman"), with: Array("#!/bin/sh\n".utf8))
      chmod(bin.appending("podman").string, 0o755)
      try SmallFile.create(bin.appending("docker"), with: [])
      let variables = host.environment.merging(["PATH": "\(bin):/usr/bin:/bin"]) { $1 }
      let facts = HostFacts(of: host.directory.appending("not/yet/there").string, HostEnvironment(variables: variables))
      #expect(facts.diskPath == host.directory.string)
      #expect(facts.builders.contains(bin.appending("podman").string))
      #expect(!facts.builders.contains(bin.appending("docker").string))
      try await host.withClient { client in
        let facts = try await client.facts()
        #expect(facts.uid == geteuid() && facts.user == "tester" && facts.home == host.home.string)
        #expect(facts.cores >= 1 && facts.memory.bytes > 1 << 20 && (facts.freeDisk?.bytes ?? 0) > 0)
        #expect(facts.kernel == Kernel.release && facts.machine == Kernel.machine)
      }
    }
  }
}
