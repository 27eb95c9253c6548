// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import RemoteKit
internal import Wire

extension DockerBuilder {
  /// Finds a Docker on the host that answers and has BuildKit. The first on `PATH` is not always the one: a client
  /// without the buildx plugin may stand in front of one that can build.
  static func detect(on session: HostSession) async throws -> DockerBuilder {
    let agent = try await session.openAgent()
    defer { Task { await agent.close() } }
    let client = JobClient(agent)
    let facts = try await client.facts()
    let candidates = facts.builders.filter { $0.split(separator: "/").last == "docker" }
    guard !candidates.isEmpty else {
      throw DeliveryError(
        .unavailable, host: session.name, "no Docker on the host: nothing named docker is on its PATH",
        leftBehind: "the workspace's copy in \(session.workspace); nothing was built",
        next: ["install Docker on \(session.name), or name another host: --host NAME"])
    }
    var refusals: [String] = []
    for path in candidates {
      switch await probe(path, client, network: session.host.buildNetwork) {
      case .success(let builder): return builder
      case .failure(let refusal): refusals.append("\(path): \(refusal.message)")
      }
    }
    throw DeliveryError(
      .unavailable, host: session.name, "Docker cannot build there", details: refusals,
      leftBehind: "the workspace's copy in \(session.workspace); nothing was built",
      next: ["look at it: \(session.typed("docker version"))"])
  }

  private static func probe(
    _ path: String, _ client: JobClient, network: String?
  ) async -> Result<DockerBuilder, ServiceFailure> {
    do {
      let version = try await client.run(
        CommandRequest(
          argv: [path, "version", "--format", "{{.Client.Version}} {{.Server.Version}}"], environment: environment,
          timeout: 30))
      let words = version.text.split(whereSeparator: \.isWhitespace).map(String.init)
      guard version.succeeded, words.count == 2 else {
        return .failure(ServiceFailure("no-answer", version.lastErrorLine ?? "the daemon does not answer"))
      }
      let major = Int(words[0].prefix { $0.isNumber }) ?? 0
      var builder = DockerBuilder(
        path: path, clientVersion: words[0], serverVersion: words[1], usesBuildx: major >= 23, network: network)
      if builder.usesBuildx {
        let buildx = try await client.run(
          CommandRequest(argv: [path, "buildx", "version"], environment: environment, timeout: 30))
        guard buildx.succeeded else {
          return .failure(ServiceFailure("no-buildkit", "client \(words[0]) has no buildx plugin"))
        }
        builder.usesBuildx = true
      }
      return .success(builder)
    } catch {
      return .failure(ServiceFailure("no-answer", "\(error)"))
    }
  }
}
