// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import Registry
internal import RemoteKit
internal import Vocabulary

/// Looks at the builder of a host: whether it is there and answers, whether it can build, what it stores on, and whether
/// its daemon gets to the registry.
struct DockerExamination: Sendable {
  let host: Host
  let session: HostSession
  let registry: RegistryPlace?
  let pool: AgentPool

  /// What `docker version` says.
  private struct Version: Decodable {
    struct Client: Decodable {
      var version: String
    }
    struct Server: Decodable {
      var version: String
    }
    var client: Client
    var server: Server?
  }

  /// What `docker info` says, as far as it is used.
  struct Information: Decodable {
    var dockerRootDir: String?
    var httpProxy: String?
    var httpsProxy: String?
    var noProxy: String?
    var registryConfig: Registries?

    struct Registries: Decodable {
      struct Index: Decodable {
        var secure: Bool?
      }
      var indexConfigs: [String: Index]?
    }
  }

  private struct Candidate {
    var path: String
    var client: String
    var server: String?
    /// Why the daemon did not answer.
    var refusal: String
  }

  /// Also tells of the disks, since where the builder stores is known here.
  func run(_ survey: Task<SurveyedHost, any Error>) async throws -> [Check] {
    let surveyed = try await survey.value
    let others = surveyed.survey.places.filter { $0.path != "/var/run/docker.sock" }
    let paths = surveyed.facts.builders.filter { $0.split(separator: "/").last == "docker" }
    guard !paths.isEmpty else {
      return [
        .fail(
          .builder, .unavailable, "there is no Docker on the host: nothing named docker is on its PATH",
          mend: ["install Docker there: https://docs.docker.com/engine/install"])
      ] + SurveyChecks.disks(of: others)
    }
    var candidates: [Candidate] = []
    for path in paths.prefix(4) { candidates.append(try await version(path)) }
    guard let answering = candidates.first(where: { $0.server != nil }), let server = answering.server else {
      return [builderRow(candidates[0]), socket(surveyed, candidates[0])] + SurveyChecks.disks(of: others)
    }
    var checks = [Check.pass(.builder, "docker \(server), client \(answering.client) (\(answering.path))")]
    if let wanted = host.builder, wanted != .docker {
      checks[0] = .warn(
        .builder, "docker \(server); the host's file says \(wanted.rawValue), which has no effect yet",
        mend: "leave builder out of the host's file, or write docker")
    }
    checks.append(.pass(.socket, "this user may use the daemon"))
    checks.append(try await buildKit(candidates))
    let information = try await information(answering.path)
    checks += proxies(information, surveyed)
    if let registry { checks.append(Self.trust(in: information, of: registry.address)) }
    let root = information?.dockerRootDir.flatMap { $0.hasPrefix("/") ? $0 : nil }
    let store = try? await pool.use { agent in try await SurveyClient(agent).survey(root.map { [$0] } ?? []).places }
    checks += SurveyChecks.disks(of: (store ?? []) + others, store: root)
    if let pull = try await pull(answering.path) { checks.append(pull) }
    return checks
  }

  private func run(
    _ argv: [String], timeout: Double = 20, credentials: [CredentialEntry] = []
  ) async throws -> CommandResult {
    try await pool.use {
      try await JobClient($0).run(
        CommandRequest(
          argv: argv, environment: DockerBuilder.environment, timeout: timeout, credentials: credentials))
    }
  }

  private func version(_ path: String) async throws -> Candidate {
    let result = try await run([path, "version", "--format", "{{json .}}"])
    let version = try? DockerJSON.decode(Version.self, result.standardOutput)
    let refusal = result.timedOut ? "it does not answer" : result.lastErrorLine ?? "it does not answer"
    return Candidate(
      path: path, client: version?.client.version ?? "of an unknown version", server: version?.server?.version,
      refusal: refusal)
  }

  private func information(_ path: String) async throws -> Information? {
    let result = try await run([path, "info", "--format", "{{json .}}"])
    return try? DockerJSON.decode(Information.self, result.standardOutput)
  }

  private func builderRow(_ candidate: Candidate) -> Check {
    .warn(
      .builder, "docker's client is there (\(candidate.client)), and its daemon was not reached", mend: "see socket")
  }

  /// Why the daemon does not answer.
  private func socket(_ surveyed: SurveyedHost, _ candidate: Candidate) -> Check {
    func fail(_ what: String, _ mend: String...) -> Check { .fail(.socket, .unavailable, what, mend: mend) }
    let user = surveyed.facts.user
    if let address = surveyed.survey.dockerHost {
      return fail(
        "Docker is looked for at \(address) (DOCKER_HOST), and does not answer: \(candidate.refusal)",
        "mend or remove DOCKER_HOST in that user's login")
    }
    guard let place = surveyed.place("/var/run/docker.sock"), place.kind == .socket else {
      return fail(
        "Docker's daemon does not run: /var/run/docker.sock is not there", "sudo systemctl enable --now docker")
    }
    guard place.isWritable else {
      return fail(
        "\(user) may not use Docker: no permission on /var/run/docker.sock",
        "sudo usermod -aG docker \(user), then log in anew (that makes the user root in effect)",
        "ls -l /var/run/docker.sock shows its group and mode")
    }
    return fail("Docker's daemon does not answer: \(candidate.refusal)", "sudo systemctl restart docker")
  }

  /// From version 23 on the client builds through a plugin; before, it has BuildKit itself.
  private func buildKit(_ candidates: [Candidate]) async throws -> Check {
    var without: [String] = []
    for candidate in candidates where candidate.server != nil {
      guard (Int(candidate.client.prefix { $0.isNumber }) ?? 0) >= 23 else {
        return .pass(.buildkit, "in the client \(candidate.client)")
      }
      let result = try await run([candidate.path, "buildx", "version"])
      if result.succeeded {
        let words = result.text.split(separator: " ")
        return .pass(.buildkit, "by buildx \(words.count > 1 ? words[1] : "")")
      }
      without.append("\(candidate.path) (\(candidate.client))")
    }
    return .fail(
      .buildkit, .unavailable,
      "Docker cannot build with BuildKit: \(without.joined(separator: ", ")) has no buildx plugin",
      mend: ["sudo apt-get install docker-buildx-plugin (docker-buildx in Debian's own packages)"])
  }

  private func proxies(_ information: Information?, _ surveyed: SurveyedHost) -> [Check] {
    let daemon = [information?.httpsProxy, information?.httpProxy].compactMap(\.self).filter { !$0.isEmpty }
    let user = surveyed.survey.proxies.filter {
      !$0.key.lowercased().hasSuffix("no_proxy") && !$0.key.hasSuffix("noProxy")
    }
    if let registry, let proxy = daemon.first {
      let spared = (information?.noProxy ?? "").split(separator: ",").map { $0.filter { $0 != " " } }
      let isSpared = spared.contains { entry in
        entry == "*" || registry.address.host == entry
          || registry.address.host.hasSuffix(entry.hasPrefix(".") ? entry : ".\(entry)")
      }
      let isPrivate =
        !registry.address.host.contains(".") || registry.address.host.hasPrefix("10.")
        || registry.address.host.hasPrefix("192.168.") || registry.address.host.hasSuffix(".local")
      if isPrivate && !isSpared {
        return [
          .warn(
            .proxy,
            "Docker's daemon goes to \(registry.name) by the proxy \(proxy), though its name looks like one near by",
            mend: "add \(registry.address.host) to NO_PROXY of the daemon: systemctl edit docker, then restart it")
        ]
      }
      return [.pass(.proxy, "the daemon's is \(proxy)\(isSpared ? ", not for \(registry.name)" : "")")]
    }
    guard daemon.isEmpty, user.isEmpty else {
      let named = (daemon.map { "daemon \($0)" } + user.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" })
      return [.pass(.proxy, named.prefix(3).joined(separator: ", "))]
    }
    return [.pass(.proxy, "none is set")]
  }

  /// Whether the daemon checks the registry's certificate at all.
  static func trust(in information: Information?, of registry: RegistryAddress) -> Check {
    if registry.isPlain { return .pass(.hostTrust, "plain HTTP, as remote-build.yaml has it") }
    if registry.host == "localhost" || registry.host == "::1" || registry.host.hasPrefix("127.") {
      return .pass(.hostTrust, "on loopback, where Docker checks no certificate")
    }
    guard information?.registryConfig?.indexConfigs?[registry.description]?.secure == false else {
      return .pass(.hostTrust, "Docker's daemon checks its certificate")
    }
    return .warn(
      .hostTrust, "\(registry) is among the daemon's insecure-registries: whoever stands between can change an image",
      mend: "take it out of the host's /etc/docker/daemon.json, and put its authority's certificate into "
        + "/etc/docker/certs.d/\(registry)/ca.crt")
  }

  /// Has the daemon itself ask the registry for something that is not there: its name service, routes, certificates,
  /// proxies, and the login that a job would take along. Nothing is stored.
  private func pull(_ docker: String) async throws -> Check? {
    guard let registry else { return nil }
    let repository = registry.repository?.description ?? "remote-build-doctor"
    let result = try await run(
      [docker, "pull", "--quiet", "\(registry.name)/\(repository):remote-build-access-check"],
      credentials: await registry.entries())
    return PullAnswer(result.timedOut ? "no answer within 20 s, i/o timeout" : result.stderr).check(
      registry: registry.name)
  }
}
