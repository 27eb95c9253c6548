// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import Registry
internal import Vocabulary
internal import Wire

/// A verified release, brought to further hosts by its digest, so that each has the same image.
struct ImagePull: Sendable {
  /// `registry/owner/name:tag`, the name under which the image shall stand there.
  let reference: String
  /// `registry/owner/name`.
  let repository: String
  let digest: Digest
  let registry: RegistryAccess
  let context: RunContext

  struct Pulled: Sendable {
    var summary: String
    var seconds: Double
  }

  /// Pulls on all hosts side by side.
  func run(on hosts: [ImageRun.Candidate]) async -> [String: Result<Pulled, DeliveryError>] {
    await Fleet.each(hosts.map { ($0.name, $0) }, context: context) { try await run(on: $0) }
  }

  func run(on host: ImageRun.Candidate) async throws -> Pulled {
    let start = ContinuousClock.now
    let isNew = try await pull(on: host)
    let seconds = start.duration(to: .now).seconds
    if isNew {
      context.emit(.pulled(.init(reference: reference, digest: digest, seconds: seconds)), host: host.name)
    }
    return Pulled(summary: isNew ? "pulled by digest" : "had it already", seconds: seconds)
  }

  /// Whether anything had to be pulled. A pull is a job too: it has the credentials, and outlives the connection.
  private func pull(on host: ImageRun.Candidate) async throws -> Bool {
    let exact = "\(repository)@\(digest)"
    if let names = try await names(of: exact, on: host) {
      // Each question to the builder is a process there.
      if !names.contains(reference) { _ = try await host.session.run(host.docker.tag(exact, as: reference)) }
      return false
    }
    let id = ULID().description
    let steps = [
      JobStep(name: "pull", argv: host.docker.pull(exact), environment: DockerBuilder.environment),
      JobStep(name: "tag", argv: host.docker.tag(exact, as: reference), environment: DockerBuilder.environment),
    ]
    let agent = try await host.session.openAgent()
    defer { Task { await agent.close() } }
    let client = JobClient(agent)
    _ = try await client.start(
      JobSpec(
        id: id, title: "pull \(reference)", workspace: host.session.workspace, owner: context.owner, steps: steps,
        credentials: try await registry.jobCredentials(), isBesideQueue: true))
    var tail: [UInt8] = []
    let status = try await client.tail(id, from: 0) { bytes in
      tail.append(contentsOf: bytes)
      tail.removeFirst(max(0, tail.count - 4096))
    }
    guard status.succeeded, try await names(of: exact, on: host) != nil else {
      let lines = String(decoding: tail, as: UTF8.self).split(separator: "\n").suffix(4).map(String.init)
      let isFull = DeliveryError.isFullDisk(lines)
      throw DeliveryError(
        .failed, host: host.name, (isFull ? "the disk is full: " : "") + "\(exact) could not be pulled there",
        details: lines, leftBehind: "the release is verified; this host does not have it",
        next: isFull
          ? ["make room there: \(host.session.typed("docker image prune"))", "then run the same command again"]
          : ["look at it there: \(host.session.typed("docker pull \(exact)"))"])
    }
    return true
  }

  /// The tags of an image on a host; `nil` where the host does not have it.
  private func names(of exact: String, on host: ImageRun.Candidate) async throws -> Set<String>? {
    let found = try await host.session.run([
      host.docker.path, "image", "inspect", "--format", "{{range .RepoTags}}{{println .}}{{end}}", exact,
    ])
    return found.succeeded ? Set(found.text.split(separator: "\n").map(String.init)) : nil
  }
}
