// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing
import Wire

@testable import Jobs

#if canImport(Glibc)
  import Glibc
#endif

/// What is done where a login manager ends a user's processes at logout. `loginctl` and `systemd-run` are played by
/// scripts, for no systemd runs here.
@Suite struct LoginManagerTests {
  private static let kills = "KillUserProcesses=yes\nKillOnlyUsers=\nKillExcludeUsers=root"

  private static func write(_ name: String, _ script: String, in directory: FilePath) throws {
    let path = directory.appending(name)
    SmallFile.removeTree(path)
    try SmallFile.create(path, with: Array("#!/bin/sh\n\(script)\n".utf8))
    chmod(path.string, 0o755)
  }

  /// A host whose `loginctl` says `manager`, and `linger` of the user.
  private func with(
    _ manager: String, linger: String = "no", user: String = "tester", systemdRun: String?,
    _ body: (TestHost, FilePath) async throws -> Void
  ) async throws {
    try await TestHost.with { host in
      let programs = host.directory.appending("programs")
      mkdir(programs.string, 0o700)
      for name in ["sh", "cat", "echo", "sleep", "head"] {
        symlink("/bin/\(name)", programs.appending(name).string)
      }
      try Self.write(
        "loginctl",
        "case $1 in show-session) echo '\(manager.replacing("\n", with: "'; echo '"))' ;; show-user) echo Linger=\(linger) ;; esac",
        in: programs)
      if let systemdRun { try Self.write("systemd-run", systemdRun, in: programs) }
      try await body(host.adding(["PATH": programs.string, "USER": user]), programs)
    }
  }

  private func started(_ host: TestHost) async throws -> JobStatus {
    try await host.withClient { client in
      try await client.start(.shell("01A", "echo begun"))
      return try await client.tail("01A") { _ in }
    }
  }

  /// What systemd-run does of it: it notes its words, and becomes the program with the descriptors that it has.
  private func becoming(_ words: String) -> String {
    "echo \"$@\" > \(words); while [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\""
  }

  @Test func aJobRunsInAScopeOfItsOwn() async throws {
    let words = FilePath("/tmp/remote-build-scope.\(UInt32.random(in: 0 ... .max))")
    defer { unlink(words.string) }
    try await with(Self.kills, linger: "yes", systemdRun: becoming(words.string)) { host, _ in
      let status = try await started(host)
      #expect(status.phase == .pushed && status.warnings == nil)
      let text = String(decoding: try SmallFile.read(words, limit: 4096), as: UTF8.self)
      #expect(text.hasPrefix("--user --scope --quiet --collect --unit=remote-build-01A -- "), "\(text)")
      #expect(text.contains(" supervise ") && !text.contains("/proc/self/"))
    }
  }

  @Test func whoDoesNotLingerIsTold() async throws {
    try await with(Self.kills, systemdRun: becoming("/dev/null")) { host, _ in
      let status = try await started(host)
      #expect(status.phase == .pushed)
      #expect(status.warnings?.count == 1 && status.warnings?[0].contains("loginctl enable-linger") == true)
    }
  }

  @Test func whereNoScopeCanBeMadeTheJobRunsAllTheSameAndSaysSo() async throws {
    try await with(Self.kills, systemdRun: "echo no bus >&2; exit 1") { host, programs in
      let status = try await started(host)
      #expect(status.phase == .pushed)
      #expect(status.warnings?[0].contains("ends with this login") == true)
      SmallFile.removeTree(programs.appending("systemd-run"))
      let without = LoginManager(environment: HostEnvironment(variables: host.environment))
      #expect(await without.verdict() == .ends(systemdRun: nil, lingers: false))
    }
  }

  @Test(arguments: [
    ("KillUserProcesses=no", "tester"), (Self.kills, "root"),
    ("KillUserProcesses=yes\nKillOnlyUsers=ada\nKillExcludeUsers=", "tester"), ("", "tester"),
  ])
  func elsewhereNothingIsDone(_ manager: String, _ user: String) async throws {
    try await with(manager, user: user, systemdRun: "exit 1") { host, _ in
      let environment = HostEnvironment(variables: host.environment)
      #expect(await LoginManager(environment: environment).verdict() == .leavesThem)
      let status = try await started(host)
      #expect(status.warnings == nil)
    }
  }
}
