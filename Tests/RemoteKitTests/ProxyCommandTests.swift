// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing
import Wire

@testable import RemoteKit

@Suite struct ProxyCommandTests {
  /// As `nc`: connects its standard input and output to an address.
  private static let relay = """
    import os, socket, sys, threading
    connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    def up():
        while data := os.read(0, 65536): connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    threading.Thread(target=up, daemon=True).start()
    while data := connection.recv(65536): os.write(1, data)
    """

  private func refusal(_ server: Sshd) async throws -> RemoteError {
    do {
      let connection = try await HostConnection.connect(host: server.host, options: server.options())
      await connection.close()
      throw Sshd.Failure(description: "the login succeeded")
    } catch let error as RemoteError {
      return error
    }
  }

  @Test(.timeLimit(.minutes(5))) func itsTokensAreReplacedAndItGoesWithTheSession() async throws {
    try await Sshd.with { server in
      try server.write("relay.py", Self.relay)
      // One of those that it started closes none of its descriptors and minds no hangup.
      try server.write(
        "proxy",
        "trap '' HUP\necho \"$@\" >\(server.path("words"))\nsleep 86399.\(server.port) &\npython3 \(server.path("relay.py")) $1 $2\n"
      )
      try server.configure(
        """
        Host alias
          HostName 127.0.0.1
          Port \(server.port)
          User \(NSUserName())
        Host *
          ProxyCommand sh \(server.path("proxy")) %h %p %r %n 100%%
        """)
      let host = Host(name: "lab", address: .ssh(name: "alias", user: nil, port: nil))
      let options = server.options()
      let connection = try await HostConnection.connect(host: host, options: options)
      #expect(try server.read("words") == "127.0.0.1 \(server.port) \(NSUserName()) alias 100%\n")
      #expect(!processes("86399.\(server.port)").isEmpty)
      await connection.close()
      while !processes("86399.\(server.port)").isEmpty || !processes(server.path("relay.py")).isEmpty {
        try await Task.sleep(for: .milliseconds(10))
      }
    }
  }

  private func processes(_ word: String) -> [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.compactMap { pid_t($0) }.compactMap { pid in
      let line = String(decoding: FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data(), as: UTF8.self)
      return line.contains(word) ? line : nil
    }
  }

  @Test func oneThatFailsIsQuotedSafely() async throws {
    try await Sshd.with { server in
      try server.write("proxy", "printf 'no way \\033]0;title\\007 today' >&2\nexit 3\n")
      try server.configure("ProxyCommand sh \(server.path("proxy"))")
      let error = try await refusal(server)
      #expect(error.code == .unreachable)
      #expect(error.message == "ProxyCommand ended with status 3; it said: no way \\u{1b}]0;title\\u{7} today")
    }
  }

  @Test func oneThatIsKilledLaterEndsTheSession() async throws {
    try await Sshd.with { server in
      try server.write("relay.py", Self.relay)
      try server.configure(
        "ProxyCommand sh -c 'echo $$ >\(server.path("pid")); exec python3 \(server.path("relay.py")) %h %p'")
      let link = try await server.link(.libssh2)
      let stream = try await link.execute("exec cat", bulk: false, timeout: .seconds(30))
      let reader = Task { try await stream.read(upTo: 1) }
      let pid = try #require(pid_t(try server.read("pid").trimmingCharacters(in: .whitespacesAndNewlines)))
      kill(pid, SIGKILL)
      let error = await #expect(throws: RemoteError.self) { try await reader.value }
      #expect(error?.code == .connectionLost)
      #expect(error?.message.contains("ProxyCommand ended by signal 9") ?? false)
      await link.close()
    }
  }

  @Test(arguments: [
    ("ProxyCommand nc %q", RemoteError.Code.configuration, "the token %q"),
    ("ProxyCommand nc %h\nProxyUseFdpass yes", .unsupported, "ProxyUseFdpass"),
    ("ProxyCommand /nonexistent/program", .unreachable, "ProxyCommand ended with status 127"),
  ])
  func whatCannotBeRunIsNamed(lines: String, code: RemoteError.Code, words: String) async throws {
    try await Sshd.with { server in
      try server.configure(lines)
      let error = try await refusal(server)
      #expect(error.code == code)
      #expect(error.message.contains(words), "\(error)")
    }
  }

  @Test(arguments: Host.Transport.allCases) func noneIsNone(_ transport: Host.Transport) async throws {
    try await Sshd.with { server in
      try server.configure("ProxyCommand none\nProxyJump none")
      await (try await server.link(transport)).close()
    }
  }

  @Test(arguments: ["a$(id)", "a;id", "a`id`", "a|b", "a&b"])
  func aNameThatIsACommandIsRefused(name: String) async throws {
    var resolution = HostResolution(output: "hostname \(name)\nuser me\nproxycommand nc %h", home: "/h")
    resolution.originalName = "x"
    #expect(throws: RemoteError.self) {
      try ProxyCommand("nc %h", of: resolution, host: "lab", environment: [:])
    }
  }
}
