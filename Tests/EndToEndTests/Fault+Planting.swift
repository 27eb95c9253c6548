// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import Subprocess
import SystemPackage

extension Fault {
  /// Gives the host's user a bash whose start file prints `text`, or takes its time.
  func plant(on host: LabHost, _ bench: Workbench, text: String) async throws {
    try await bench.inside(host, "sed", "-i", "s,^\\(\(host.user):.*\\):/bin/sh$,\\1:/bin/bash,", "/etc/passwd")
    guard let home = host.homeSeenFromOutside else { throw LabError.missing("a home") }
    let line = self == .slowRC ? "sleep 1.5\n" : "printf '%s\\n' '\(text)'\n"
    try Data(line.utf8).write(to: URL(filePath: home.description + "/.bashrc"))
  }

  /// Stops a push in its middle, so that its agent holds the lease.
  func withHeldLease(on host: LabHost, _ bench: Workbench, _ body: () async throws -> Void) async throws {
    guard try await bench.tool("sync", "--host", host.name).status == 0 else { throw LabError.missing("a sync") }
    guard let home = host.homeSeenFromOutside else { throw LabError.missing("a home") }
    let copies = home.description + "/.cache/remote-build/workspaces"
    let copy = try FileManager.default.contentsOfDirectory(atPath: copies).first { $0.hasPrefix(bench.owner) }
    let owner = "\(copies)/\(copy ?? "")/.remote-build/lease.owner"
    let before = FileManager.default.contents(atPath: owner)
    let proxy = try await bench.lab.proxy(toHost: host.name, name: "far-\(host.name)")
    // So slow a line, with so much under way, that the push is in its middle for seconds.
    try await proxy.delay(down: .milliseconds(200))
    var noise = SystemRandomNumberGenerator()
    let bytes = (0..<(1 << 21)).flatMap { _ in withUnsafeBytes(of: noise.next()) { Array($0) } }
    guard FileManager.default.createFile(atPath: bench.workspace.appending("noise").string, contents: Data(bytes))
    else {
      throw LabError.missing("room for a file")
    }
    try bench.write("../home/.config/remote-build/hosts/\(proxy.name).yaml", "address: \(proxy.name)\n")
    async let pushing = bench.tool("sync", "--host", proxy.name)
    do {
      try await until("a push that is under way") { try await proxy.traffic().up >= 2 << 20 }
      try await proxy.freeze()
      // What has come that far may be on its way still: the agent has the lease when it has signed for it.
      try await until("an agent with the lease") { FileManager.default.contents(atPath: owner) != before }
      try await body()
    } catch {
      try await proxy.cut()
      _ = try await pushing
      throw error
    }
    try await proxy.cut()
    _ = try await pushing
  }

  /// Waits for a condition, a minute at most.
  private func until(_ what: String, _ isSo: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try await !isSo() {
      guard ContinuousClock.now < deadline else { throw LabError.missing(what) }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Kills the supervisor of a job that waits in its build.
  func loseJob(on host: LabHost, _ bench: Workbench) async throws {
    let gate = try Gate()
    defer { gate.open() }
    let wait = "import socket; socket.create_connection((\\\"127.0.0.1\\\", \(gate.port))).recv(1)"
    try bench.writeSmallWorkspace(dockerfile: "FROM python:3.12-slim\nRUN python -c \"\(wait)\"\n")
    async let building = bench.tool("app", "--host", host.name)
    try await gate.connected()
    try await bench.inside(host, "sh", "-c", "kill -9 $(pidof remote-build-agent)")
    _ = try await building
    try FileManager.default.removeItem(atPath: bench.workspace.appending("remote-build.yaml").string)
  }
}

extension Workbench {
  /// Runs the program as ``tool(_:environment:)`` does; `--ssh-config` among the arguments wins over the lab's.
  func tool(arguments: [String], startedBy starter: [String] = []) async throws -> Outcome {
    let own = arguments.contains("--ssh-config") ? [] : ["--ssh-config", lab.description.ssh.config.description]
    let words = starter + [Self.program.string] + arguments + own
    // For `faketime`: what waits for an interval waits as long as ever.
    return try await command(words[0], Array(words.dropFirst()), ["FAKETIME_DONT_FAKE_MONOTONIC": "1"])
  }

  /// Runs a command as root on a host of the lab, and returns what it printed. Throws where it fails.
  @discardableResult
  func inside(_ host: LabHost, _ words: String...) async throws -> String {
    guard let process = host.firstProcess else { throw LabError.missing("a host of its own") }
    let outcome = try await command("nsenter", ["--target", "\(process)", "--mount", "--pid", "--uts", "--"] + words)
    guard outcome.status == 0 else { throw LabError.missing("\(words): \(outcome.talk)") }
    return outcome.out
  }

  func openssl(_ words: String...) async throws {
    let outcome = try await command("openssl", words)
    guard outcome.status == 0 else { throw LabError.missing("openssl \(words[0]): \(outcome.talk)") }
  }

  func sshConfiguration(for host: LabHost, knownHosts: String, identity: String) -> String {
    """
    Host \(host.name)
      HostName \(host.address)
      Port \(host.port)
      User \(host.user)
      IdentityFile \(identity)
      IdentitiesOnly yes
      IdentityAgent none
      UserKnownHostsFile \(knownHosts)
      GlobalKnownHostsFile none

    """
  }

  /// Leaves the host a client of Docker that has neither BuildKit in it nor a plugin for it.
  func hideBuildKit(on host: LabHost) async throws {
    // Docker's own client of 23 and newer builds by the plugin alone; one that says so stands in for it, and passes
    // everything else on to the true one.
    let client = """
      #!/bin/sh
      if [ "$1" = version ]; then /usr/bin/docker.true "$@" | sed 's/"Version":"20[^"]*"/"Version":"28.2.2"/'; exit; fi
      if [ "$1" = buildx ]; then echo "docker: unknown command: docker buildx" >&2; exit 1; fi
      exec /usr/bin/docker.true "$@"
      """
    let path = directory.appending("docker").string
    try Data(client.utf8).write(to: URL(filePath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    guard let root = host.rootSeenFromOutside else { throw LabError.missing("a root of its own") }
    try FileManager.default.copyItem(atPath: path, toPath: "\(root)/srv/docker-client")
    try await inside(host, "sh", "-c", "cat /usr/bin/docker >/srv/docker.true; chmod 755 /srv/docker.true")
    try await inside(host, "sed", "-i", "s,/usr/bin/docker.true,/srv/docker.true,", "/srv/docker-client")
    for place in ["/usr/bin/docker", "/usr/local/bin/docker"] {
      try await inside(host, "sh", "-c", "[ ! -e \(place) ] || mount --bind /srv/docker-client \(place)")
    }
  }

  /// A server with TLS whose certificate, of the lab's authority, has ended; gone when `body` returns.
  func withExpiredServer(_ body: (String) async throws -> Void) async throws {
    let (key, request, certificate, extra) = (
      directory.appending("old.key").string, directory.appending("old.csr").string,
      directory.appending("old.crt").string, directory.appending("old.ext").string
    )
    let authority = lab.description.authority.description
    let authorityKey = FilePath(authority).removingLastComponent().appending("ca.key").string
    try Data("subjectAltName=IP:127.0.0.1\n".utf8).write(to: URL(filePath: extra))
    try await openssl(
      "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", request,
      "-subj", "/CN=an old registry")
    let signed = try await command(
      "faketime",
      [
        "-f", "-800d", "openssl", "x509", "-req", "-in", request, "-CA", authority, "-CAkey", authorityKey,
        "-CAserial", directory.appending("old.srl").string, "-CAcreateserial", "-days", "30", "-extfile", extra, "-out",
        certificate,
      ])
    guard signed.status == 0 else { throw LabError.missing("faketime openssl: \(signed.talk)") }
    let words = ["s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key, "-www"]
    _ = try await run(
      .name("openssl"), arguments: Arguments(words), environment: .custom(["PATH": "/usr/bin:/bin"]),
      workingDirectory: directory, input: .inputWriter, output: .sequence, error: .discarded
    ) { execution in
      // It tells the port that it was given: `ACCEPT 127.0.0.1:40123`.
      var address: String?
      for try await line in execution.standardOutput.strings() {
        guard line.hasPrefix("ACCEPT ") else { continue }
        address = line.dropFirst(7).trimmingCharacters(in: .whitespacesAndNewlines)
        break
      }
      guard let address else { throw LabError.missing("openssl s_server") }
      do { try await body(address) } catch {
        try execution.send(signal: .kill)
        throw error
      }
      try execution.send(signal: .kill)
    }
  }
}
