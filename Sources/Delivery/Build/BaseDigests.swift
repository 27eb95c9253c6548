// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Jobs
internal import Registry
internal import Vocabulary

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// The digests of the images that a build stands on: part of the build key, since a tag may move.
struct BaseDigests: Sendable {
  let task: ImageTask
  let builder: ImageRun.Candidate
  let registry: RegistryAccess
  let context: RunContext

  /// By reference, as the Dockerfile gives it.
  func resolve() async throws -> [String: Digest] {
    var digests: [String: Digest] = [:]
    for base in task.inputs.bases {
      if let pinned = Self.pinned(base) {
        digests[base] = pinned
      } else if let own = task.ownBases[base] {
        digests[base] = try await ownDigest(base, own)
      } else {
        digests[base] = try await hostDigest(base)
      }
    }
    return digests
  }

  /// The registry's digest of an image of this project.
  private func ownDigest(_ reference: String, _ own: ImageTask.OwnBase) async throws -> Digest {
    guard let digest = try await registry.digest(repository: own.repository, tag: own.tag) else {
      throw DeliveryError(
        .releaseRefused, "\(task.image.name) stands on \(reference), which is not in the registry",
        leftBehind: "nothing was built", next: ["build it first: \(context.hints.build([own.image, task.image.name]))"])
    }
    return digest
  }

  private static func pinned(_ reference: String) -> Digest? {
    reference.firstIndex(of: "@").flatMap { Digest(String(reference[reference.index(after: $0)...])) }
  }

  /// What the host's builder holds under that name, pulled where it holds nothing. It is what the build will take: a
  /// name that moved in its registry meanwhile changes nothing until the host pulls it.
  private func hostDigest(_ reference: String) async throws -> Digest {
    let docker = builder.docker
    let inspect = [
      docker.path, "image", "inspect", "--format", "{{json .RepoDigests}} {{.Id}}", reference,
    ]
    var result = try await builder.session.run(inspect)
    if !result.succeeded {
      let pull = try await builder.session.run(
        docker.pull(reference), timeout: .seconds(1800), credentials: try await registry.jobCredentials())
      guard pull.succeeded else {
        throw DeliveryError(
          .failed, host: builder.name, "\(reference), on which \(task.image.name) stands, cannot be pulled there",
          details: pull.lastErrorLine.map { [$0] } ?? [], leftBehind: "nothing was built",
          next: ["try it there: \(builder.session.typed("docker pull \(reference)"))"])
      }
      result = try await builder.session.run(inspect)
    }
    guard result.succeeded, let digest = Self.digest(inspected: result.text) else {
      throw DeliveryError(
        .failed, host: builder.name, "Docker does not say which image \(reference) is",
        details: result.lastErrorLine.map { [$0] } ?? [],
        leftBehind: "nothing was built")
    }
    return digest
  }

  /// The digest in its registry, or, for an image that was only loaded, its id.
  static func digest(inspected text: String) -> Digest? {
    guard let split = text.lastIndex(of: " ") else { return nil }
    let names = try? JSONDecoder().decode([String]?.self, from: Data(text[..<split].utf8))
    let registered = (names ?? nil)?.compactMap { pinned($0) }.min()
    return registered ?? Digest(text[text.index(after: split)...].filter { !$0.isWhitespace })
  }
}
