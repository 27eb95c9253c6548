// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Jobs
internal import Sync
internal import SystemPackage
internal import Vocabulary

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// One image of a run, as far as it can be said without a host: what, as which version, where to.
struct ImageTask: Sendable {
  var image: ProjectImage
  var dockerfile: Dockerfile
  /// The version's tag.
  var tag: String
  var registry: ProjectRegistry
  /// `owner/name`.
  var repository: String
  /// The build arguments that are passed, and the references that the build needs.
  var inputs: ImageGraph.Inputs
  /// The references that mean images of this project.
  var ownBases: [String: OwnBase]
  var contextDigest: Digest
  var treeDigest: Digest
  var git: GitFacts?
  /// The channel that the release moves once it is verified; `nil` where none does.
  var channel: String?

  struct OwnBase: Sendable, Hashable {
    var image: String
    var repository: String
    var tag: String
  }

  /// `registry/owner/name`.
  var name: String { "\(registry.address)/\(repository)" }

  /// `registry/owner/name:tag`.
  var reference: String { "\(name):\(tag)" }

  var imageContext: ImageContext {
    ImageContext(image: image.name, directory: image.context, dockerfile: image.dockerfile)
  }

  /// The plan, now that the bases' digests are known: the build key, and the labels that the image must carry.
  func plan(platform: Platform, baseDigests: [String: Digest]) -> BuildPlan {
    let key = BuildKey.compute(
      contextDigest: contextDigest, dockerfile: dockerfile.digest, dockerfilePath: image.dockerfile,
      target: image.target, platform: platform, arguments: inputs.arguments, baseDigests: baseDigests,
      secretIDs: image.secrets.map(\.id))
    let labels = ImageLabels(
      created: git?.committed, revision: git?.revision, version: tag, source: git?.source, baseName: inputs.baseImage,
      baseDigest: inputs.baseImage.flatMap { baseDigests[$0] }, buildKey: key, treeDigest: treeDigest)
    return BuildPlan(
      image: image.name, tag: tag, repository: repository, registry: registry, platform: platform,
      dockerfile: image.dockerfile, target: image.target, arguments: inputs.arguments,
      bases: inputs.bases.compactMap { base in baseDigests[base].map { .init(reference: base, digest: $0) } },
      secretIDs: image.secrets.map(\.id), labels: labels.dictionary, buildKey: key, treeDigest: treeDigest,
      contextDigest: contextDigest)
  }

  /// The values of the image's secrets, read now.
  func secretEntries(_ context: RunContext) throws -> [SecretEntry] {
    try image.secrets.map { secret in
      switch secret.source {
      case .file(let path):
        guard let data = try? Data(contentsOf: URL(filePath: path.string)) else {
          throw DeliveryError(
            .usage, "the secret \(secret.id) of \(image.name) cannot be read: \(path)",
            leftBehind: "nothing was built", next: ["write that file, or name another: --secret \(secret.id)=FILE"])
        }
        return SecretEntry(id: secret.id, data: data.base64EncodedString())
      case .environment(let name):
        guard let value = context.environment[name] else {
          throw DeliveryError(
            .usage, "the secret \(secret.id) of \(image.name) is not there: the variable \(name) is not set",
            leftBehind: "nothing was built")
        }
        return SecretEntry(id: secret.id, data: Data(value.utf8).base64EncodedString())
      }
    }
  }
}
