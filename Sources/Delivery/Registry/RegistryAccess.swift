// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Jobs
internal import Registry
internal import SystemPackage
internal import Vocabulary

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// The registry of a run, as this laptop reaches it: what stands there, the proof of what was pushed, and the
/// credentials that a job takes along.
struct RegistryAccess: Sendable {
  let client: RegistryClient
  private let credentials: CredentialStore
  private let context: RunContext

  var address: String { client.address.description }

  init(_ registry: ProjectRegistry, context: RunContext) throws {
    guard registry.via == nil else {
      throw DeliveryError(
        .usage, "registry: {via: …} is not supported yet",
        next: ["reach the registry from this machine, and leave via out"])
    }
    let address = try RegistryAddress(registry.address, insecure: registry.isInsecure)
    credentials = CredentialStore(environment: context.environment, prompt: Self.prompt(context))
    client = try RegistryClient(
      address: address, caFile: registry.caFile, credentials: credentials, retryPause: context.registryPause)
    self.context = context
  }

  private static func prompt(_ context: RunContext) -> (@Sendable (RegistryAddress) async throws -> Credentials?)? {
    guard let askLine = context.askLine, let askSecret = context.askSecret else { return nil }
    return { address in
      guard let user = await askLine("User at \(address): "), !user.isEmpty,
        let secret = await askSecret("Password of \(user) at \(address): "), !secret.isEmpty
      else { return nil }
      return Credentials(username: user, secret: secret)
    }
  }

  /// Whether the registry answers and takes the credentials, asked before anything is built.
  func check(repository: String) async throws {
    try await client.check()
    // A token server may refuse the repository though it let the login pass.
    _ = try await client.manifestHead(RepositoryName(repository), .tag(Tag("remote-build-access-check")))
  }

  /// The digest under a tag, of the bytes that stand there; `nil` where nothing does.
  func digest(repository: String, tag: String) async throws -> Digest? {
    try await client.manifest(RepositoryName(repository), .tag(Tag(tag)))?.digest
  }

  /// What a job may log in with, at this registry.
  func jobCredentials() async throws -> [CredentialEntry] {
    guard let found = try await credentials.credentials(for: client.address) else { return [] }
    return [CredentialEntry(registry: address, username: found.username, password: found.secret)]
  }

  /// The release that stands under the plan's tag with the plan's build key, verified. `nil` where the tag is free, where
  /// it may be replaced, or where it has the key and is broken, so that building it again mends it.
  /// Throws ``DeliveryError`` with `releaseRefused` where the version stands with other content.
  func standing(_ plan: BuildPlan, replaces: Bool) async throws -> VerifiedImage? {
    let repository = try RepositoryName(plan.repository)
    let tag = ManifestReference.tag(try Tag(plan.tag))
    guard try await client.manifestHead(repository, tag) != nil else { return nil }
    do {
      return try await client.verify(
        repository: repository, reference: tag,
        expectation: VerificationExpectation(labels: [ImageLabels.buildKeyName: plan.buildKey.description]))
    } catch let failure as VerificationFailure {
      let found = failure.differences.compactMap { difference -> String? in
        guard case .label(ImageLabels.buildKeyName, _, let found, _) = difference else { return nil }
        return found ?? "none: it was not built by remote-build"
      }
      guard let other = found.first else {
        if failure.differences == [.missing(tag)] { return nil }
        context.warn("\(plan.reference) stands with the same build key and is broken; it is built and pushed again")
        return nil
      }
      guard replaces else {
        throw DeliveryError(
          .releaseRefused, "\(plan.reference) stands already, with other content",
          details: ["build key there: \(other)", "build key here:  \(plan.buildKey)"],
          leftBehind: "nothing was built or pushed",
          next: [
            "raise its version in \(LocalWorkspace.fileName), or let Git name it: version: git",
            "name another one: \(context.hints.build([plan.image], ["--version": "TAG"]))",
            "or overwrite it: \(context.hints.build([plan.image], ["--replace": nil]))",
          ])
      }
      return nil
    }
  }

  /// The proof after a push.
  /// - Parameters:
  ///   - pushed: the manifest's digest, as the builder reported it.
  ///   - identity: the image's id, as the builder wrote it: the config's digest, or the manifest's, by its image store.
  func verify(_ plan: BuildPlan, pushed: Digest?, identity: String?) async throws -> VerifiedImage {
    guard let pushed else {
      throw DeliveryError(
        .verificationFailed, "the builder did not say under which digest it pushed \(plan.reference)",
        leftBehind: "what was pushed stands unverified")
    }
    let identity = identity.flatMap { Digest($0) }
    let expectation = VerificationExpectation(
      manifestDigest: pushed, configDigest: identity == pushed ? nil : identity, labels: plan.labels,
      platforms: [plan.platform])
    do {
      return try await client.verify(
        repository: RepositoryName(plan.repository), reference: .tag(Tag(plan.tag)), expectation: expectation)
    } catch let failure as VerificationFailure {
      throw DeliveryError(failure, reference: plan.reference)
    }
  }

  /// Whether a release is whole, whatever it was built from.
  func verify(repository: String, tag: String) async throws -> VerifiedImage {
    do {
      return try await client.verify(repository: RepositoryName(repository), reference: .tag(Tag(tag)))
    } catch let failure as VerificationFailure {
      throw DeliveryError(failure, reference: "\(address)/\(repository):\(tag)")
    }
  }

  /// Compressed bytes of those of the release's layers whose uncompressed content has one of the digests that begin with
  /// `prefixes`: a builder names layers so when it pushes them.
  func size(of release: VerifiedImage, layersBeginning prefixes: Set<String>) async throws -> ByteCount {
    guard !prefixes.isEmpty, let bytes = try await client.blob(release.repository, release.configDigest) else {
      return .zero
    }
    let contents = try ImageConfig(bytes: bytes).diffIDs
    guard contents.count == release.layers.count else { return .zero }
    return zip(contents, release.layers).reduce(.zero) { total, layer in
      prefixes.contains(String(layer.0.hex.prefix(12))) ? total + layer.1.size : total
    }
  }
}

extension DeliveryError {
  init(_ failure: VerificationFailure, reference: String) {
    let isMissing = failure.differences.contains { if case .missing(.tag) = $0 { true } else { false } }
    self.init(
      .verificationFailed, "\(reference) is not in the registry as it was built",
      details: failure.differences.map(\.description),
      leftBehind: isMissing ? "nothing stands under the tag" : "what stands under the tag is not to be used",
      next: ["look at the registry's log and storage"])
  }
}

extension DeliveryEvent.Verified {
  init(_ release: VerifiedImage, reference: String) {
    self.init(
      reference: reference, digest: release.digest, platforms: release.platforms, layers: release.layers.count,
      size: release.totalSize, buildKey: release.labels[ImageLabels.buildKeyName].flatMap { Digest($0) })
  }
}
