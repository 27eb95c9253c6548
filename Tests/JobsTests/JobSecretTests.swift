// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Vocabulary
import Wire

@testable import Jobs

#if canImport(Glibc)
  import Glibc
#endif

/// Credentials and secrets: where they can be had, and where not.
@Suite struct JobSecretTests {
  private static let password = "pass-\(UInt64.random(in: .min ... .max))-word"
  private static let secret = "secret-\(UInt64.random(in: .min ... .max))-value"
  private static let credentials = [
    CredentialEntry(registry: "127.0.0.1:5000", username: "me", password: password),
    CredentialEntry(registry: "docker.io", username: "hub", password: password),
  ]
  private static let secrets = [SecretEntry(id: "token", data: Data(secret.utf8).base64EncodedString())]

  @Test func secretsStandInNoArgumentEnvironmentOrFileOfTheJob() async throws {
    try await TestHost.with { host in
      let gate = try host.gate()
      let script = """
        sha256sum < {secrets}/token | cut -c1-64 > {outputs}/sum; stat -c %a {secrets} {secrets}/token > {outputs}/modes
        echo {secrets} > {outputs}/secrets; echo $DOCKER_CONFIG > {outputs}/docker; stat -fc %T {secrets} > {outputs}/type
        echo begun; \(gate.waiting)
        """
      let names = ["sum", "modes", "secrets", "docker", "type"]
      try await host.withClient { client in
        try await client.start(
          .shell("01A", script, credentials: Self.credentials, secrets: Self.secrets, outputs: names))
        _ = try await client.log("01A") { _ in }
      }
      try await host.waitForLine("begun", of: "01A")
      let needles = [
        Self.password, Self.secret, Self.secrets[0].data, Data("me:\(Self.password)".utf8).base64EncodedString(),
      ]
      let supervisor = try #require(try host.store.status("01A").supervisor)
      let family = [supervisor.pid] + ProcessStat.descendants(of: supervisor.pid)
      #expect(family.count > 1)
      for pid in family {
        for file in ["cmdline", "environ"] {
          let bytes = try SmallFile.read(FilePath("/proc/\(pid)/\(file)"), limit: 1 << 20)
          #expect(!Self.found(needles, in: bytes), "\(file) of \(pid)")
        }
      }
      let outputs = host.state.appending("jobs/01A/outputs")
      let directories = try ["secrets", "docker"].map { name in
        FilePath(String(decoding: try SmallFile.read(outputs.appending(name), limit: 1000).dropLast(), as: UTF8.self))
      }
      // On disk: the state directory and Docker's configuration, but not the tmpfs.
      let files = Self.files(under: host.directory) + Self.files(under: directories[1].removingLastComponent())
      #expect(files.contains { $0.lastComponent?.string == "config.json" })
      for file in files {
        #expect(!Self.found(needles, in: try SmallFile.read(file, limit: 10 << 20)), "\(file)")
      }
      try gate.open()
      let status = try await host.end(of: "01A")
      #expect(status.phase == .pushed)
      #expect(status.output("type") == "tmpfs")
      #expect(status.output("modes") == "700 600")
      let sum = try #require(status.output("sum"))
      #expect(sum == Self.sum(Self.secret))
      for directory in directories { #expect(!SmallFile.exists(directory), "\(directory)") }
    }
  }

  @Test func theCredentialHelperAnswersFromTheSupervisorAndTheHost() async throws {
    try await TestHost.with { host in
      let docker = host.home.appending(".docker")
      mkdir(docker.string, 0o700)
      mkdir(docker.appending("contexts").string, 0o700)
      let login = Data("they:theirs:too".utf8).base64EncodedString()
      let own = """
        {"auths": {"other.example.com": {"auth": "\(login)"}}, "proxies": {"default": {"httpProxy": "http://127.0.0.1:3128"}},
         "currentContext": "default", "credHelpers": {"third.example.com": "something"}, "number": 3}
        """
      try SmallFile.create(docker.appending("config.json"), with: Array(own.utf8))
      let script = """
        cat $DOCKER_CONFIG/config.json > {outputs}/config; cat $DOCKER_CONFIG/.buildNodeID > {outputs}/node
        test -d $DOCKER_CONFIG/contexts && test -d $DOCKER_CONFIG/buildx || exit 9
        for host in 127.0.0.1:5000 https://index.docker.io/v1/ other.example.com unknown.example.com; do
          printf %s $host | docker-credential-remote-build get > {outputs}/answer; echo $? >> {outputs}/statuses
          sha256sum < {outputs}/answer | cut -c1-64 >> {outputs}/answers; rm {outputs}/answer
        done
        echo x | docker-credential-remote-build store || echo refused >> {outputs}/statuses
        """
      let names = ["config", "node", "answers", "statuses"]
      try await host.withClient { client in
        for id in ["01A", "01B"] {
          try await client.start(.shell(id, script, credentials: Self.credentials, outputs: names))
        }
      }
      let status = try await host.end(of: "01A")
      try #require(status.phase == .pushed, "\(status)")
      #expect(status.output("statuses") == "0 0 0 1 refused")
      func answer(_ server: String, _ user: String, _ password: String) throws -> String {
        let answer = RegistryCredentials.Answer(serverURL: server, username: user, secret: password)
        return Self.sum(String(decoding: try FrameConnection.json(answer), as: UTF8.self))
      }
      let expected = [
        try answer("127.0.0.1:5000", "me", Self.password),
        try answer("https://index.docker.io/v1/", "hub", Self.password),
        try answer("other.example.com", "they", "theirs:too"), Self.sum("credentials not found in native keychain\n"),
      ]
      #expect(status.output("answers") == expected.joined(separator: " "))
      let config = try FrameConnection.decode([String: JSONValue].self, Array(status.outputs["config"]!.utf8))
      #expect(config["auths"] == nil)
      #expect(config["number"] == .integer(3))
      #expect(config["proxies"]?.object?["default"]?.object?["httpProxy"] == .text("http://127.0.0.1:3128"))
      #expect(
        config["credHelpers"]?.object == [
          "127.0.0.1:5000": .text("remote-build"), "https://index.docker.io/v1/": .text("remote-build"),
          "other.example.com": .text("remote-build"), "third.example.com": .text("something"),
        ])
      // BuildKit takes two jobs for one sender.
      #expect(status.output("node")?.count == 64)
      #expect(try await host.end(of: "01B").output("node") == status.output("node"))
    }
  }

  @Test func whatAKilledSupervisorLeftIsSweptByTheNextAgent() async throws {
    try await TestHost.with { host in
      let gate = try host.gate()
      let script =
        "echo {secrets} > {outputs}/secrets; echo $DOCKER_CONFIG > {outputs}/docker; echo begun; \(gate.waiting)"
      try await host.withClient { client in
        for id in ["01A", "01B"] {
          try await client.start(.shell(id, script, credentials: Self.credentials, secrets: Self.secrets))
        }
      }
      func directories(_ id: String) throws -> [FilePath] {
        try ["secrets", "docker"].map { name in
          let file = host.state.appending("jobs/\(id)/outputs/\(name)")
          return FilePath(String(decoding: try SmallFile.read(file, limit: 1000).dropLast(), as: UTF8.self))
        }
      }
      for id in ["01A", "01B"] { try await host.waitForLine("begun", of: id) }
      let (killed, running) = (try directories("01A"), try directories("01B"))
      for directory in killed + running { #expect(SmallFile.exists(directory)) }
      kill(try #require(try host.store.status("01A").supervisor).pid, SIGKILL)
      #expect(try await host.end(of: "01A").phase == .lost)
      try await host.withAgent { _ in }
      for directory in killed { #expect(!SmallFile.exists(directory), "\(directory)") }
      for directory in running { #expect(SmallFile.exists(directory), "\(directory)") }
      _ = try await host.withClient { try await $0.cancel("01B") }
      for directory in running { #expect(!SmallFile.exists(directory), "\(directory)") }
    }
  }

  @Test func aSecretThatCannotBeAFileStartsNothing() async throws {
    try await TestHost.with { host in
      try await host.withClient { client in
        let failure = await #expect(throws: ServiceFailure.self) {
          try await client.start(.shell("01A", "true", secrets: [SecretEntry(id: "../x", data: "eA==")]))
        }
        #expect(failure?.job == .invalidSpec)
        let jobs = try await client.list()
        #expect(jobs == [])
      }
    }
  }

  private static func sum(_ text: String) -> String { Digest.sha256(of: text).hex }

  private static func found(_ needles: [String], in bytes: [UInt8]) -> Bool {
    needles.contains { !bytes.ranges(of: Array($0.utf8)).isEmpty }
  }

  private static func files(under directory: FilePath) -> [FilePath] {
    var files: [FilePath] = []
    for name in (try? SmallFile.names(in: directory)) ?? [] {
      let path = directory.appending(name)
      var facts = stat()
      guard lstat(path.string, &facts) == 0 else { continue }
      switch facts.st_mode & S_IFMT {
      case S_IFDIR: files += Self.files(under: path)
      case S_IFREG: files.append(path)
      default: continue
      }
    }
    return files
  }
}
