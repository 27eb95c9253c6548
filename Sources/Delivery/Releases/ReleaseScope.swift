// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Registry
internal import Synchronization
internal import SystemPackage
internal import Vocabulary

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// Finds the repositories and the channel that an order means, by `remote-build.yaml` or without one.
final class ReleaseScope: Sendable {
  let workspace: LocalWorkspace
  let order: ReleaseOrder
  let context: RunContext
  /// One a registry, so that a password is asked for once.
  private let accesses = Mutex<[String: RegistryAccess]>([:])

  init(_ workspace: LocalWorkspace, _ order: ReleaseOrder, _ context: RunContext) {
    self.workspace = workspace
    self.order = order
    self.context = context
  }

  /// An image of the order, and the release that was named with it.
  struct Named: Sendable {
    var repository: ReleaseRepository
    var reference: ManifestReference?
    /// As the workspace describes it, where it does.
    var image: ProjectImage?
  }

  /// The images that were named, each once; all of the project where none was.
  func named() throws -> [Named] {
    let words = order.images.isEmpty ? (workspace.project?.images ?? []).map(\.name) : order.images
    guard !words.isEmpty else {
      throw DeliveryError(
        .usage, "no image is named", next: ["name one: IMAGE, or registry/owner/name where there is no workspace"])
    }
    var named: [Named] = []
    for word in words {
      let next = try self.named(word)
      guard !named.contains(where: { $0.repository.name == next.repository.name }) else {
        throw DeliveryError(
          .usage, "\(next.repository.image) is named more than once", leftBehind: "nothing was changed")
      }
      named.append(next)
    }
    return named
  }

  /// The repository of an image of the project.
  func repository(of image: String) throws -> ReleaseRepository { try named(image).repository }

  private func named(_ word: String) throws -> Named {
    if word.contains("/") {
      let reference = try Registry.ImageReference(word)
      let access = try access(reference.registry.description)
      let name = reference.repository.description
      return Named(
        repository: ReleaseRepository(
          image: name.split(separator: "/").last.map(String.init) ?? name, repository: name, registry: access),
        reference: reference.digest.map { .digest($0) } ?? reference.tag.map { .tag($0) })
    }
    let parts = word.split(separator: "@", maxSplits: 1)
    let nameAndTag = parts[0].split(separator: ":", maxSplits: 1).map(String.init)
    guard let name = nameAndTag.first else { throw DeliveryError(.usage, "'\(word)' is no image") }
    if let project = workspace.project, project[name] == nil {
      throw DeliveryError(
        .usage, "there is no image '\(name)' in \(LocalWorkspace.fileName)",
        details: ["it has \(project.images.map(\.name).joined(separator: ", "))"], leftBehind: "nothing was changed")
    }
    guard let address = order.registry ?? workspace.project?.registry?.address else {
      throw DeliveryError(
        .usage, "no registry is named",
        next: ["go to the workspace, or name it: --registry ADDRESS, or registry/owner/\(name) in place of \(name)"])
    }
    guard let owner = order.owner ?? workspace.project?.owner else {
      throw DeliveryError(
        .usage, "no owner is named", next: ["write owner: NAME into \(LocalWorkspace.fileName), or --owner NAME"])
    }
    let reference: ManifestReference? =
      parts.count > 1
      ? try ManifestReference(String(parts[1]))
      : nameAndTag.count > 1 ? .tag(try Tag(nameAndTag[1])) : nil
    return Named(
      repository: ReleaseRepository(image: name, repository: "\(owner)/\(name)", registry: try access(address)),
      reference: reference, image: workspace.project?[name])
  }

  private func access(_ address: String) throws -> RegistryAccess {
    if let known = accesses.withLock({ $0[address] }) { return known }
    var registry =
      workspace.project?.registry.flatMap { $0.address == address ? $0 : nil } ?? ProjectRegistry(address: address)
    registry.caFile = order.certificates.map { FilePath(URL(filePath: $0.string).path) } ?? registry.caFile
    let access = try RegistryAccess(registry, context: context)
    accesses.withLock { $0[address] = access }
    return access
  }

  /// The channel of the order, else the project's; `nil` where neither says one.
  /// Throws ``DeliveryError`` with `usage` for a name under which a version or a history would be overwritten.
  func channel() throws -> String? {
    guard let channel = order.channel ?? workspace.project?.channel else { return nil }
    if let problem = ChannelName.problem(channel) {
      throw DeliveryError(.usage, problem, leftBehind: "nothing was changed")
    }
    return channel
  }

  /// The version that `remote-build.yaml` gives an image, for a promotion that names none.
  func version(of named: Named) async throws -> String {
    let image = named.repository.image
    let version = named.image.flatMap { workspace.project?.version(of: $0) }
    switch version {
    case .fixed(let tag)?: return tag
    case .git?:
      guard let git = await GitRepository(workspace: workspace.root).facts(), !git.isDirty else {
        throw DeliveryError(
          .usage, "the version of \(image) is git, and the workspace is not a commit",
          next: ["name the release: \(image):TAG, as \(context.hints.release("releases", [image])) lists them"])
      }
      // Only a dirty tree's digest is part of a version.
      return try GitDescription(
        described: git.description, revision: git.revision, commits: git.commits, isDirty: false
      ).tag(treeDigest: Digest.sha256(of: []))
    case nil:
      throw DeliveryError(
        .usage, "no release of \(image) is named",
        next: ["name it: \(image):TAG, as \(context.hints.release("releases", [image])) lists them"])
    }
  }
}
