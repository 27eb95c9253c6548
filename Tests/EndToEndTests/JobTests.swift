// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import Subprocess
import SystemPackage
import Testing

/// The commands about jobs, and interrupts on a terminal.
@Suite struct JobTests {
  @Test func aCancelledJobsWorkEndsInTheBuilderToo() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      let gate = try Gate()
      try ChattyBuild.write(gate, in: bench)
      try await bench.killTool("app", "--host", "lab-1", "--json", when: { try await gate.connected() })
      let job = try await bench.job(on: "lab-1")
      let other = ["XDG_STATE_HOME": bench.directory.appending("other").string]
      let cancelled = try await bench.tool("cancel", job.id, "--host", "lab-1", "--json", environment: other)
      #expect(cancelled.status == 0, "\(cancelled.talk)")
      #expect(cancelled.events("ended").first?["state"] as? String == "cancelled")
      // The step's own process is gone, though BuildKit runs it in its daemon.
      try await gate.left()
      #expect(try await bench.job(on: "lab-1").state == "cancelled")
      // What it printed until then stays to be read.
      let logs = try await bench.tool("logs", job.id, "--host", "lab-1", environment: other)
      #expect(logs.status == 0 && logs.out.contains("line 0"), "\(logs.talk)")
    }
  }

  @Test func aJobThatNobodyCanProveIsDismissed() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      let gate = try Gate()
      try ChattyBuild.write(gate, in: bench)
      try await bench.killTool("app", "--host", "lab-2", "--json", when: { try await gate.connected() })
      let job = try await bench.job(on: "lab-2")
      let early = try await bench.tool("dismiss", job.id, "--host", "lab-2", "--json")
      #expect(early.status == 64)
      #expect((early.events("failed").first?["next"] as? [String])?.first?.contains("cancel \(job.id)") == true)
      gate.open()
      let followed = try await bench.tool("logs", job.id, "--follow", "--json", "--host", "lab-2")
      #expect(followed.events("ended").first?["state"] as? String == "pushed, unverified", "\(followed.talk)")
      ChattyBuild.expectEachLineOnce(followed)
      let dismissed = try await bench.tool("dismiss", job.id, "--host", "lab-2", "--json")
      #expect(dismissed.status == 0, "\(dismissed.talk) \(dismissed.out)")
      #expect(dismissed.events("ended").first?["state"] as? String == "dismissed")
      #expect(try await bench.job(on: "lab-2").state == "dismissed")
      let verified = try await bench.tool("verify", "--host", "lab-2", "--json")
      #expect(verified.events("started").compactMap { $0["job"] as? String }.contains(job.id) == false)
      // Whoever names it can have it proven all the same.
      let proven = try await bench.tool("verify", job.id, "--host", "lab-2", "--json")
      #expect(proven.status == 0, "\(proven.talk) \(proven.out)")
    }
  }

  @Test func aLogIsPrintedFromAMomentOn() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      try bench.writeSmallWorkspace()
      let run = try await bench.tool("app", "--host", "lab-1", "--json")
      #expect(run.status == 0, "\(run.talk)")
      let job = try #require(run.events("started").first?["job"] as? String)
      let host = try #require(bench.lab.description.host("lab-1"))
      let whole = try await bench.tool("logs", job, "--since", "1h")
      let log = try bench.hostLog(of: job, on: host)
      #expect(whole.status == 0 && Data(whole.out.utf8) == log, "\(whole.talk)")
      let none = try await bench.tool("logs", job, "--since", "2999-01-01T00:00:00Z", "--host", "lab-1")
      #expect(none.status == 0 && none.out.isEmpty, "\(none.talk) \(none.out)")
      let missing = try await bench.tool("logs", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--host", "lab-1")
      #expect(missing.status == 64 && missing.talk.contains("no job"), "\(missing.talk)")
      let wrong = try await bench.tool("logs", job, "--since", "yesterday")
      #expect(wrong.status == 64)
    }
  }

  /// Runs `attach` on a terminal of its own, which `script` plays, and types what `answers` say when their word appears.
  private func attach(_ bench: Workbench, _ job: String, _ answers: [(after: String, keys: String)]) async throws
    -> (status: Int32, text: String)
  {
    let command =
      "\(Workbench.program) attach \(job) --host lab-1 --progress plain --ssh-config \(bench.lab.description.ssh.config)"
    let outcome = try await run(
      .name("script"), arguments: ["-qefc", command, "/dev/null"],
      environment: .custom(bench.subprocessEnvironment), workingDirectory: bench.workspace, input: .inputWriter,
      output: .sequence, error: .discarded
    ) { execution in
      var text = ""
      var open = answers[...]
      for try await part in execution.standardOutput {
        text += part.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        while let next = open.first, text.contains(next.after) {
          _ = try await execution.standardInputWriter.write(next.keys)
          open = open.dropFirst()
        }
      }
      try await execution.standardInputWriter.finish()
      return text
    }
    let status: Int32 = if case .exited(let code) = outcome.terminationStatus { code } else { -1 }
    return (status, outcome.closureResult)
  }

  @Test func aTerminalsInterruptDetachesAndASecondAsks() async throws {
    try await Workbench.with(try await TestLab.lab()) { bench in
      let gate = try Gate()
      try ChattyBuild.write(gate, in: bench)
      try await bench.killTool("app", "--host", "lab-1", "--json", when: { try await gate.connected() })
      let job = try await bench.job(on: "lab-1").id
      let once = try await attach(bench, job, [("line 5", "\u{3}")])
      #expect(once.status == 130, "\(once.text.suffix(2000))")
      for word in ["detached", "remote-build attach \(job)", "remote-build cancel \(job)"] {
        #expect(once.text.contains(word), "\(word)")
      }
      #expect(try await bench.job(on: "lab-1").state.hasPrefix("running"))

      let no = try await attach(bench, job, [("line ", "\u{3}"), ("press Ctrl-C", "\u{3}"), ("[y/N]", "n\n")])
      #expect(no.status == 130 && no.text.contains("[y/N]"), "\(no.text.suffix(2000))")
      #expect(try await bench.job(on: "lab-1").state.hasPrefix("running"))

      let yes = try await attach(bench, job, [("line ", "\u{3}"), ("press Ctrl-C", "\u{3}"), ("[y/N]", "y\n")])
      #expect(yes.status == 130 && yes.text.contains("\(job) cancelled"), "\(yes.text.suffix(2000))")
      #expect(try await bench.job(on: "lab-1").state == "cancelled")
      try await gate.left()
    }
  }
}
