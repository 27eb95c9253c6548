// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import SystemPackage
import Testing
import Vocabulary

@testable import RemoteKit

/// A server of a third kind (Python's paramiko) that asks what a test wants it to ask, for what no installed server can be
/// configured to: several prompts, with echo, rounds without any, hostile texts, and lies.
final class ScriptedServer: Sendable {
  struct Round: Codable, Sendable {
    var name = ""
    var instruction = ""
    var prompts: [String] = []
    /// Which of them may be seen.
    var echoes: [Bool] = []
    var expect: [String] = []
  }

  struct Script: Codable, Sendable {
    var ways = "keyboard-interactive"
    var rounds: [Round] = []
    var password = ""
    /// What is left to do after the right answers; empty: nothing.
    var then = ""
    var isEndless = false
    /// The length that the name of a round claims, with nothing behind it.
    var lie = 0
  }

  private let home: Sshd
  private let port: Int

  private init(_ home: Sshd, port: Int) { (self.home, self.port) = (home, port) }

  static let isPossible = (try? Sshd.run("python3", "-c", "import paramiko")) != nil

  /// Runs `body` with the server, which ends with it.
  static func with<Value>(_ script: Script, _ body: (ScriptedServer) async throws -> Value) async throws -> Value {
    // The other server lends its directory, its keys and its configuration.
    try await Sshd.with { home in
      try home.write("script.json", String(decoding: try JSONEncoder().encode(script), as: UTF8.self))
      try home.write("server.py", program)
      let process = try Sshd.spawn(
        ["/usr/bin/env", "python3", home.path("server.py"), home.directory.string], output: home.path("scripted.log"))
      defer {
        kill(process, SIGKILL)
        _ = Sshd.wait(for: process)
      }
      var port: Int?
      while port == nil {
        port = (try? home.read("port")).flatMap { Int($0) }
        guard kill(process, 0) == 0, waitpid(process, nil, WNOHANG) == 0 else {
          throw Sshd.Failure(description: (try? home.read("scripted.log")) ?? "")
        }
        try await Task.sleep(for: .milliseconds(20))
      }
      try home.write("known_hosts", "[127.0.0.1]:\(port!) " + (try home.read("host.pub")))
      try home.configure("PubkeyAuthentication no")
      return try await body(ScriptedServer(home, port: port!))
    }
  }

  func configure(_ lines: String) throws { try home.configure(lines) }

  /// Logs in and hangs up again.
  func logIn(_ ask: @escaping @Sendable (Question) async -> [String]?) async throws {
    let host = Host(name: "lab", address: .ssh(name: "127.0.0.1", user: "deploy", port: port))
    try await HostConnection.connect(host: host, options: home.asking(ask)).close()
  }

  private static let program = """
    import json, os, socket, sys, threading
    import paramiko
    from paramiko.common import cMSG_USERAUTH_INFO_REQUEST
    from paramiko.message import Message

    where = sys.argv[1]
    script = json.load(open(where + "/script.json"))
    key = paramiko.Ed25519Key.from_private_key_file(where + "/host")

    def lie(self, query):
        m = Message()
        m.add_byte(cMSG_USERAUTH_INFO_REQUEST)
        m.add_int(script["lie"])
        for _ in range(3):
            m.add_int(0)
        m.add_int(0)
        self.transport._send_message(m)

    if script["lie"]:
        paramiko.auth_handler.AuthHandler._interactive_query = lie

    class Server(paramiko.ServerInterface):
        def __init__(self):
            self.ways, self.round = script["ways"], 0
        def get_allowed_auths(self, user):
            return self.ways
        def done(self):
            if script["then"] and self.ways != script["then"]:
                self.ways = script["then"]
                return paramiko.AUTH_PARTIALLY_SUCCESSFUL
            return paramiko.AUTH_SUCCESSFUL
        def check_auth_password(self, user, password):
            good = "password" in self.ways and password == script["password"]
            return self.done() if good else paramiko.AUTH_FAILED
        def ask(self):
            index = self.round % len(script["rounds"]) if script["isEndless"] else self.round
            if index >= len(script["rounds"]):
                return self.done()
            asked = script["rounds"][index]
            prompts = [(text, echo) for text, echo in zip(asked["prompts"], asked["echoes"])]
            return paramiko.InteractiveQuery(asked["name"], asked["instruction"], *prompts)
        def check_auth_interactive(self, user, submethods):
            if "keyboard-interactive" not in self.ways:
                return paramiko.AUTH_FAILED
            self.round = 0
            return self.ask()
        def check_auth_interactive_response(self, responses):
            if not script["isEndless"] and list(responses) != script["rounds"][self.round]["expect"]:
                return paramiko.AUTH_FAILED
            self.round += 1
            return self.ask()

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    with open(where + "/port.new", "w") as file:
        file.write(str(listener.getsockname()[1]))
    os.rename(where + "/port.new", where + "/port")
    while True:
        connection, _ = listener.accept()
        transport = paramiko.Transport(connection)
        transport.add_server_key(key)
        transport.start_server(event=threading.Event(), server=Server())
    """
}
