// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import RemoteKit
internal import Vocabulary
internal import Wire

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// Looks at one host: the way to it first, and, once an agent answers, everything else side by side.
struct HostExamination: Sendable {
  let host: Host
  let workspace: LocalWorkspace
  let distinctName: Task<String, Never>
  let selection: HostSelection
  let registry: RegistryPlace?
  let context: RunContext

  func run() async -> Examination {
    let start = ContinuousClock.now
    var checks: [Check] = []
    var platform: String?
    if let session = await connect(&checks) {
      platform = session.platform.description
      await look(session, &checks)
      await session.close()
    }
    return Examination(
      host: host.name, checks: checks, seconds: start.duration(to: .now).seconds, platform: platform)
  }

  // MARK: The way

  private func connect(_ checks: inout [Check]) async -> HostSession? {
    let options = HostSession.options(selection, context, host: host.name)
    do {
      let lookup = try await HostLookup.find(host, options: options)
      checks.append(.pass(.name, Self.told(lookup)))
      if host.address != .local && host.transport == .libssh2 { checks.append(Self.library(.current)) }
    } catch {
      checks.append(Self.failure(error, .name))
      return nil
    }
    let start = ContinuousClock.now
    do {
      let session = try await HostSession.open(
        host, project: workspace.name, distinctName: distinctName, selection: selection, context: context)
      if host.address != .local {
        let seconds = start.duration(to: .now).seconds
        checks += [
          .pass(.reach, "connected, logged in, and an agent answers, in \(Self.text(seconds))"),
          .pass(.hostKey, "known"), .pass(.login, "accepted"),
        ]
      }
      return session
    } catch {
      let stage = Self.stage(of: error)
      if host.address != .local {
        for earlier in [Check.Subject.reach, .hostKey, .login] {
          if earlier == stage { break }
          checks.append(
            .pass(earlier, earlier == .reach ? "the host answers" : earlier == .hostKey ? "known" : "accepted"))
        }
      }
      checks.append(Self.failure(error, stage))
      return nil
    }
  }

  /// What is known of the library that speaks with the host; it warns of what a stranger can use.
  static func library(_ report: SSHLibraryReport) -> Check {
    let open = report.findings.filter(\.isExposed)
    let what = ["libssh2 \(report.version)"] + open.map { "\($0.id) is open: \($0.what)" }
    guard open.contains(where: { !$0.needsTrust }) else { return .pass(.library, what.joined(separator: "; ")) }
    return .warn(
      .library, what.joined(separator: "; "),
      mend: "install a libssh2 that has it mended, or set 'transport: openssh' in the host's file")
  }

  private static func told(_ lookup: HostLookup?) -> String {
    guard let lookup else { return "this machine" }
    let address = lookup.addresses.first ?? lookup.hostName
    let port = lookup.port == 22 ? "" : ", port \(lookup.port)"
    return "\(lookup.user) at \(address)\(port)"
  }

  /// How far a connection came before it failed.
  private static func stage(of error: any Error) -> Check.Subject {
    switch (error as? RemoteError)?.code {
    case .unknownHostKey, .changedHostKey, .revokedHostKey: .hostKey
    case .authenticationRefused: .login
    case .noAgentForPlatform, .agentFailed: .agent
    case .configuration, .unsupported: .name
    default: .reach
    }
  }

  private static func failure(_ error: any Error, _ stage: Check.Subject) -> Check {
    var check = Check.fail(stage, error, host: nil)
    if check.mend.isEmpty {
      check.mend = [
        stage == .agent
          ? "log in there by hand and look at the login shell's start files and at ~/.cache"
          : "look whether the machine runs, an sshd listens at that port, and no firewall stands between"
      ]
    }
    return check
  }

  // MARK: The host

  /// As many agents as a push of big files would have beside its own, within reason.
  private static let wanted = 6

  private func look(_ session: HostSession, _ checks: inout [Check]) async {
    let pool = await AgentPool(session, wanted: Self.wanted)
    if host.address != .local { checks.append(await sessions(pool)) }
    // Alone on the line, so that it measures that and nothing else.
    if host.address != .local, let line = try? await LineCheck(pool: pool).run() { checks.append(line) }
    checks += clockAndPlatform(session)
    let docker = DockerExamination(host: host, session: session, registry: registry, pool: pool)
    let survey = Task { try await surveyed(session, pool) }
    let parts: [@Sendable () async -> [Check]] = [
      {
        do { return try await docker.run(survey) } catch {
          return [.fail(.builder, error, host: host.name)]
        }
      },
      {
        do {
          let found = try await survey.value
          return SurveyChecks(survey: found, workspace: session.workspace, uid: found.uid).all
        } catch {
          return [.fail(.agent, error, host: host.name)]
        }
      },
      { await self.shell(survey, pool) },
      { await self.lease(session, pool) },
      { await self.jobs(session, pool) },
      { await self.registryFromHost(session, pool) },
    ]
    await withTaskGroup(of: [Check].self) { group in
      for part in parts { group.addTask { await part() } }
      for await found in group { checks += found }
    }
    await pool.close()
  }

  private func sessions(_ pool: AgentPool) async -> Check {
    switch pool.count {
    case Self.wanted...: .pass(.sessions, "\(pool.count) at a time on one connection")
    case 1:
      .fail(
        .sessions, .unavailable, "the server allows one session on a connection, and a build needs two",
        mend: ["raise MaxSessions in /etc/ssh/sshd_config there (its default is 10), then: systemctl reload ssh"])
    default:
      .warn(
        .sessions,
        "the server allows \(pool.count) sessions on a connection: big files are sent slower than they could be",
        mend: "raise MaxSessions in /etc/ssh/sshd_config there (its default is 10), then: systemctl reload ssh")
    }
  }

  private func clockAndPlatform(_ session: HostSession) -> [Check] {
    let skew = session.hello.clock - Date().timeIntervalSince1970
    let platform = session.platform
    var checks: [Check] = []
    // The hello was under way for a moment, and is some questions old by now.
    if abs(skew) > 30 {
      let what = "the host's clock is \(Skew(seconds: skew)) this machine's"
      let mend = "set whichever is wrong (timedatectl set-ntp true): certificates and tokens carry times"
      checks.append(abs(skew) > 300 ? .fail(.clock, .unavailable, what, mend: [mend]) : .warn(.clock, what, mend: mend))
    } else {
      checks.append(.pass(.clock, "as this machine's"))
    }
    if host.platforms.isEmpty || host.platforms.contains(where: { $0.architecture == platform.architecture }) {
      checks.append(.pass(.platform, "\(platform)"))
    } else {
      let wanted = host.platforms.map(\.description).joined(separator: ", ")
      checks.append(
        .fail(
          .platform, .usage, "the host is \(platform), and its file says \(wanted)",
          mend: ["write platforms: [\(platform)] into the host's file"]))
    }
    return checks
  }

  private func surveyed(_ session: HostSession, _ pool: AgentPool) async throws -> SurveyedHost {
    let paths = [session.workspace, session.hello.home, "/tmp", "/var/run/docker.sock"]
    return try await pool.use { agent in
      let facts = try await JobClient(agent).facts(of: session.workspace)
      return SurveyedHost(
        survey: try await SurveyClient(agent).survey(paths), facts: facts, installed: session.hello.version)
    }
  }

  static func text(_ seconds: Double) -> String {
    let tenths = Int((min(seconds, 1e6) * 10).rounded())
    return seconds < 1 ? "\(Int((seconds * 1000).rounded())) ms" : "\(tenths / 10).\(tenths % 10) s"
  }
}

/// What an agent said of its host.
struct SurveyedHost: Sendable {
  var survey: HostSurvey
  var facts: HostFacts
  /// The version of the agent that answers.
  var installed: String

  var uid: UInt32 { facts.uid }

  func place(_ path: String) -> PlaceFacts? { survey.places.first { $0.path == path } }
}
