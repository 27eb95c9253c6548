// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import SystemPackage
import Testing
import Wire

@testable import RemoteKit

/// `transport: openssh`: what `ssh` says becomes errors of ours, and what it asks is answered.
@Suite struct OpenSSHTests {
  private func refusal(_ server: Sshd, _ options: ConnectionOptions? = nil) async throws -> RemoteError {
    do {
      try await accepts(server, options)
      throw Sshd.Failure(description: "the login succeeded")
    } catch let error as RemoteError {
      return error
    }
  }

  private func accepts(_ server: Sshd, _ options: ConnectionOptions? = nil) async throws {
    let connection = try await HostConnection.connect(
      host: server.host(.openssh), options: options ?? server.options())
    await connection.close()
  }

  @Test func anUnknownHostIsRefusedUntilAccepted() async throws {
    try await Sshd.with { server in
      try server.write("known_hosts", "")
      let error = try await refusal(server)
      #expect(error.code == .unknownHostKey)
      let fingerprint = try Sshd.run("ssh-keygen", "-lf", server.path("host.pub")).split(separator: " ")[1]
      #expect(error.description.contains(fingerprint))
      #expect(error.description.contains("--accept-new-host-key"))
      #expect(try server.read("known_hosts").isEmpty)
      try await accepts(server, server.options(acceptNew: true))
      try await accepts(server)
    }
  }

  @Test func aChangedAndARevokedKeyAreRefused() async throws {
    try await Sshd.with { server in
      let line = try server.read("known_hosts")
      try server.write("known_hosts", "[127.0.0.1]:\(server.port) " + (try server.read("id.pub")))
      #expect(try await refusal(server, server.options(acceptNew: true)).code == .changedHostKey)
      try server.write("known_hosts", line + "@revoked * " + (try server.read("host.pub")))
      #expect(try await refusal(server, server.options(acceptNew: true)).code == .revokedHostKey)
    }
  }

  @Test func aRefusedLoginIsQuoted() async throws {
    try await Sshd.with { server in
      try server.write("authorized_keys", "")
      let error = try await refusal(server)
      #expect(error.code == .authenticationRefused)
      #expect(error.message.contains("Permission denied (publickey)"))
    }
  }

  @Test func nobodyListens() async throws {
    try await Sshd.with { server in
      let host = Host(name: "gone", address: .ssh(name: "127.0.0.1", user: nil, port: 1), transport: .openssh)
      let error = await #expect(throws: RemoteError.self) {
        try await HostConnection.connect(host: host, options: server.options())
      }
      #expect(error?.code == .unreachable)
      let message = error?.message ?? ""
      #expect(message.contains("Connection refused"))
    }
  }

  @Test func aServerThatNeverSpeaksIsGivenUp() async throws {
    try await Sshd.with { server in
      kill(server.processID, SIGSTOP)
      defer { kill(server.processID, SIGCONT) }
      try server.configure("ConnectTimeout 1")
      let error = try await refusal(server)
      #expect(error.code == .unreachable)
      #expect(error.message.contains("timed out"))
    }
  }

  @Test func aPassphraseIsAskedOfWhoStartedUs() async throws {
    try await Sshd.with { server in
      try Sshd.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "open sesame", "-f", server.path("locked"))
      try server.write("authorized_keys", try server.read("locked.pub"))
      try server.configure("IdentityFile \(server.path("locked"))")
      let asked = Mutex<[String]>([])
      try await accepts(
        server,
        server.options { prompt in
          asked.withLock { asked in
            asked.append(prompt)
            return asked.count == 1 ? "a guess" : "open sesame"
          }
        })
      #expect(asked.withLock { $0.count } == 2)
      #expect(asked.withLock { $0[0] }.contains(server.path("locked")))
      #expect(try await refusal(server, server.options { _ in nil }).code == .authenticationRefused)
    }
  }

  @Test(.timeLimit(.minutes(5))) func aCertificateLogsIn() async throws {
    try await Sshd.with(extra: "TrustedUserCAKeys /dev/null") { server in
      try Sshd.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", server.path("authority"))
      try Sshd.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", server.path("own"))
      try Sshd.run(
        "ssh-keygen", "-q", "-s", server.path("authority"), "-I", "test", "-n", NSUserName(), server.path("own.pub"))
      // The server trusts the authority, and knows no key.
      try server.write("authorized_keys", "cert-authority " + (try server.read("authority.pub")))
      try server.configure("IdentityFile \(server.path("own"))\nCertificateFile \(server.path("own-cert.pub"))")
      try await accepts(server)

      let error = await #expect(throws: RemoteError.self) {
        try await HostConnection.connect(host: server.host, options: server.options())
      }
      #expect(error?.code == .authenticationRefused)
      #expect(error?.message.contains("CertificateFile") ?? false)
      #expect(error?.hint?.contains("transport: openssh") ?? false)
    }
  }

  @Test func itsSocketsAreItsOwnAndGoWithIt() async throws {
    try await Sshd.with { server in
      let runtime = server.path("run")
      try FileManager.default.createDirectory(
        atPath: runtime, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
      // What a process that was killed left behind; no process has this number.
      let old = runtime + "/remote-build-ssh.999999999.abc"
      try FileManager.default.createDirectory(atPath: old, withIntermediateDirectories: false)
      var options = server.options()
      options.environment["XDG_RUNTIME_DIR"] = runtime
      let connection = try await HostConnection.connect(host: server.host(.openssh), options: options)
      let names = try FileManager.default.contentsOfDirectory(atPath: runtime)
      #expect(names.count == 1)
      let directory = runtime + "/" + (names.first ?? "")
      let mode = try FileManager.default.attributesOfItem(atPath: directory)[.posixPermissions] as? Int
      #expect(mode == 0o700)
      #expect(FileManager.default.fileExists(atPath: directory + "/c"))
      await connection.close()
      #expect(try FileManager.default.contentsOfDirectory(atPath: runtime).isEmpty)
    }
  }

  @Test func theUsersOwnMasterAndCommandsAreLeftAlone() async throws {
    try await Sshd.with { server in
      try server.configure(
        """
        ControlMaster auto
        ControlPath \(server.path("own-master"))
        ControlPersist 1h
        RemoteCommand exit 9
        SessionType none
        StdinNull yes
        LogLevel QUIET
        """)
      try StandInAgent.install(into: FilePath(server.path("agents")))
      let connection = try await HostConnection.connect(host: server.host(.openssh), options: server.options())
      let agent = try await connection.openAgent()
      try await agent.frames.send(Frame(kind: 20, payload: [1, 2]))
      #expect(try await agent.frames.receive()?.payload == [1, 2])
      #expect(!FileManager.default.fileExists(atPath: server.path("own-master")))
      await agent.close()
      await connection.close()
    }
  }

  /// A process that is killed closes its pipes, and can do nothing more.
  @Test(.timeLimit(.minutes(1))) func whatIsWatchedGoesWithThePipe() async throws {
    let mark = "86397.\(UInt32.random(in: 0...UInt32.max))"
    let process = try LocalProcess(
      "/bin/sh", arguments: ["-c", OpenSSHLink.watcher, "sh", "sleep", mark],
      environment: ProcessInfo.processInfo.environment)
    func isThere() -> Bool {
      let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
      return all.contains { pid in
        (FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()) == Data("sleep\0\(mark)\0".utf8)
      }
    }
    while !isThere() { try await Task.sleep(for: .milliseconds(10)) }
    await process.close()
    try await process.child.untilEnd()
    #expect(!isThere())
  }

  /// Some of what it says comes from the server.
  @Test func whatIsShownMovesNoCursor() {
    let shown = OpenSSHWords.shown("a\u{1b}]0;title\u{7}\r\nb\u{202e}c\u{9b}")
    #expect(shown == "a\\u{1b}]0;title\\u{7}\nb\\u{202e}c\\u{9b}")
    #expect(OpenSSHWords.shown(String(repeating: "x", count: 5000)).count == 1000)
  }
}
