// SPDX-License-Identifier: Apache-2.0

internal import Jobs
internal import RemoteKit
internal import Vocabulary
internal import Wire

/// What a host has to offer a build: the room on the builder's disk, and the limits that its file sets.
struct BuilderRoom: Sendable {
  let docker: DockerBuilder
  let session: HostSession
  let context: RunContext

  /// What must be free where the builder keeps its images, where the host file does not say (`min-free-disk`).
  static let minimum = ByteCount(1_000_000_000)

  /// Throws where the disk has less room than a build may need. Where the builder's storage is not to be seen from there,
  /// as with an engine on another machine, nothing is known and nothing refused.
  func check() async throws {
    if let limits = session.untoldLimits() { context.warn(Self.unkept(limits), host: session.name) }
    let answer = try await session.run([docker.path, "info", "--format", "{{.DockerRootDir}}"])
    guard answer.succeeded, answer.text.hasPrefix("/") else { return }
    let agent = try await session.openAgent()
    defer { Task { await agent.close() } }
    let facts = try await JobClient(agent).facts(of: answer.text)
    let minimum = session.host.minFreeDisk ?? Self.minimum
    guard facts.diskPath == answer.text, let free = facts.freeDisk, free < minimum else { return }
    throw DeliveryError(
      .failed, host: session.name,
      "the disk has too little room for a build: \(free) free in \(answer.text), and \(minimum) are asked for",
      leftBehind: "nothing was built or pushed",
      next: [
        "make room there: \(session.typed("docker builder prune")), or docker image prune",
        "or, where less is enough, say so in the host's file: min-free-disk: \(free)",
      ])
  }

  /// Docker's BuildKit runs the steps in its daemon, and `docker build --memory` and its kin are for the older builder.
  static func unkept(_ limits: String) -> String {
    "the host file's limits (\(limits)) are not kept: Docker's BuildKit builds in its daemon and limits no single build; "
      + "limit docker.service there (systemctl set-property docker.service MemoryMax=… CPUQuota=…), or max-builds"
  }
}
