// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage
import Testing

@testable import RemoteKit

/// The program itself at a terminal, which a Python program plays, with hosts that want passwords.
@Suite(.enabled(if: Sshd.Account.isPossible, "needs root for an account of its own")) struct PromptTests {
  private static let program = FilePath(ProcessInfo.processInfo.arguments[0]).removingLastComponent().appending(
    "remote-build"
  ).string

  /// Answers each prompt that ends in `: ` with the password of the host that it names, and writes down what was seen.
  private static let terminal = """
    import os, pty, re, select, sys
    answers = dict(pair.split("=", 1) for pair in sys.argv[1].split(" "))
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.argv[2], sys.argv[2:])
    seen, answered = b"", 0
    while True:
        try:
            more = os.read(terminal, 65536)
        except OSError:
            break
        if not more:
            break
        seen += more
        asked = re.search(rb"127\\\\.0\\\\.0\\\\.1:(\\\\d+): password of \\\\w+[^:\\\\r\\\\n]*: $", seen[answered:])
        if asked:
            # A moment in which a live view would draw several times.
            while select.select([terminal], [], [], 0.4)[0]:
                seen += os.read(terminal, 65536)
            os.write(terminal, answers[asked.group(1).decode()].encode() + b"\\\\n")
            answered = len(seen)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    sys.stdout.write("%d\\\\n" % status)
    sys.stdout.flush()
    sys.stdout.buffer.write(seen)
    """.replacingOccurrences(of: "\\\\", with: "\\")

  @Test func hostsAskOneAfterAnotherAndUnseen() async throws {
    let program = Self.program
    let account = Sshd.Account(password: "first-secret")
    try await Sshd.with(extra: "PasswordAuthentication yes", account: account) { one in
      try await Sshd.with(.dropbear, account: Sshd.Account(password: "second-secret")) { other in
        try one.write("authorized_keys", "")
        try one.write("known_hosts", try one.read("known_hosts") + (try other.read("known_hosts")))
        try one.configure("PubkeyAuthentication no")
        try one.write("terminal.py", Self.terminal)
        try FileManager.default.createDirectory(atPath: one.path("work"), withIntermediateDirectories: false)
        try one.write("work/file", "x")
        let hosts = [one, other].flatMap { ["--host", "\(NSUserName())@127.0.0.1:\($0.port)"] }
        let words =
          [
            "env", "HOME=\(one.path("home"))", "TERM=xterm", "REMOTE_BUILD_AGENTS=\(one.path("agents"))", "python3",
            one.path("terminal.py"), "\(one.port)=first-secret \(other.port)=second-secret", program, "sync",
            "--workspace", one.path("work"), "--ssh-config", one.path("ssh_config"), "--progress", "tty",
          ] + hosts
        let status = Sshd.wait(for: try Sshd.spawn(["/usr/bin/env"] + words.dropFirst(), output: one.path("seen")))
        let seen = try one.read("seen")
        #expect(status == 0, "\(seen)")
        for server in [one, other] {
          let prompt = "\(NSUserName())@127.0.0.1:\(server.port): password of \(NSUserName()): "
          let parts = seen.components(separatedBy: prompt)
          #expect(parts.count == 2, "\(seen)")
          // Nothing but the end of the line follows, however long it takes, and not what was typed.
          #expect(parts.last?.hasPrefix("\r\n") ?? false, "\(seen)")
        }
        #expect(!seen.contains("secret"))
        // Both logins went through: what is missing afterwards is the agent.
        #expect(seen.components(separatedBy: "there is no agent").count >= 3, "\(seen)")
      }
    }
  }
}
