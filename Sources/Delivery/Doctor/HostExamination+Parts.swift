// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import RemoteKit
internal import Sync
internal import Wire

extension HostExamination {
  /// What an rc file does to a session without a terminal: bash reads one where it believes that `ssh` started it.
  func shell(_ survey: Task<SurveyedHost, any Error>, _ pool: AgentPool) async -> [Check] {
    guard host.address != .local, let shell = try? await survey.value.survey.login.shell else { return [] }
    let start = ContinuousClock.now
    let found = try? await pool.use {
      try await JobClient($0).run(CommandRequest(argv: [shell, "-c", ":"], environment: ["SHLVL": "0"], timeout: 10))
    }
    guard let found else { return [] }
    let seconds = start.duration(to: .now).seconds
    let mend = "let the start file end at once where no terminal is there: case $- in *i*) ;; *) return ;; esac"
    if found.timedOut {
      return [
        .fail(.shell, .unavailable, "the start files of \(shell) do not come to an end within 10 s", mend: [mend])
      ]
    }
    let noise = found.standardOutput.count + found.standardError.count
    if noise > 0 {
      let first = (found.stdout + found.stderr).split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
      return [
        .warn(
          .shell,
          "the start files of \(shell) print \(noise) bytes into a session without a terminal, as of scp and rsync: "
            + "“\(first.prefix(40))”", mend: mend)
      ]
    }
    if seconds > 1 {
      return [
        .warn(.shell, "\(shell) takes \(Self.text(seconds)) to start, and each session waits for it", mend: mend)
      ]
    }
    return [.pass(.shell, "\(shell), quiet")]
  }

  func lease(_ session: HostSession, _ pool: AgentPool) async -> [Check] {
    do {
      let facts = try await pool.use { try await WorkspaceTidying.look(at: session.workspace, over: $0) }
      guard let holder = facts.holder else { return [.pass(.lease, "free")] }
      return [
        .warn(
          .lease, "\(holder) has the lease on \(session.workspace) since \(facts.since ?? "an unknown time")",
          mend: "wait until they are done; a dead holder's lease is free by itself")
      ]
    } catch {
      return [.fail(.lease, error, host: host.name)]
    }
  }

  func jobs(_ session: HostSession, _ pool: AgentPool) async -> [Check] {
    do {
      let jobs = try await pool.use { try await JobClient($0).list() }
      let active = jobs.filter { !$0.isOver }.count
      let lost = jobs.filter { $0.phase == .lost }
      let unproven = jobs.filter(\.needsProof)
      var found: [String] = []
      var mend: [String] = []
      if let job = lost.first {
        found.append("\(lost.count) lost (\(job.id)): their supervisor was killed, or the host restarted")
        mend.append("build again; then: remote-build prune \(host.name)")
      }
      if let job = unproven.first {
        found.append("\(unproven.count) pushed and unverified (\(job.id))")
        mend.append(context.hints.job("verify", job.id, on: host.name))
      }
      guard found.isEmpty else {
        return [
          Check(host: nil, check: .jobs, verdict: .warn, what: found.joined(separator: "; "), mend: mend, status: nil)
        ]
      }
      return [.pass(.jobs, active == 0 ? "none under way" : "\(active) under way")]
    } catch {
      return [.fail(.jobs, error, host: host.name)]
    }
  }

  func registryFromHost(_ session: HostSession, _ pool: AgentPool) async -> [Check] {
    guard let registry else { return [] }
    let endpoint = registry.endpoint
    do {
      let found = try await pool.use { try await SurveyClient($0).reach(endpoint.host, port: endpoint.port) }
      if let failure = found.resolution {
        return [
          .fail(
            .hostName, .unavailable, "\(endpoint.host) leads to no address on the host: \(failure)",
            mend: ["mend the host's name servers (/etc/resolv.conf), or add the name to its /etc/hosts"])
        ]
      }
      let named = Check.pass(.hostName, "\(endpoint.host) is \(found.addresses.first ?? endpoint.host)")
      guard let failure = found.failure else {
        return [named, .pass(.hostReach, "the host connects to it in \(Self.text(found.seconds))")]
      }
      return [
        named,
        .fail(
          .hostReach, .unavailable, "the host does not reach the registry at port \(endpoint.port): \(failure)",
          mend: ["look whether the registry runs, and at firewalls and routes between that host and it"]),
      ]
    } catch let failure as ServiceFailure where failure.job == .noSuchExecutable {
      return [
        .warn(.hostName, "names cannot be looked up there without getent", mend: "see registry-pull, or install getent")
      ]
    } catch {
      return [.fail(.hostReach, error, host: host.name)]
    }
  }
}
