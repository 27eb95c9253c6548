// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Sync
internal import SystemPackage
internal import Vocabulary

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// Says what a run will build, as far as that takes no host: which images, in which order, as which versions, from what.
struct ImagePlanner: Sendable {
  let workspace: LocalWorkspace
  let project: Project
  let order: BuildOrder
  let context: RunContext
  private let registry: ProjectRegistry
  private let owner: String
  private let dockerfiles: [String: Dockerfile]
  private let graph: ImageGraph

  /// Throws ``DeliveryError`` with `usage` for what `remote-build.yaml`, a Dockerfile or the order says wrongly.
  init(workspace: LocalWorkspace, order: BuildOrder, context: RunContext) throws {
    guard var project = workspace.project else {
      throw DeliveryError(.usage, "no \(LocalWorkspace.fileName) in \(workspace.root)")
    }
    for (name, value) in order.arguments where URLCredentials.stand(in: value) {
      throw DeliveryError(
        .usage, "the build argument \(name) holds a password: it would stand in the image's history",
        leftBehind: "nothing was sent or built", next: ["give it as a secret: --secret ID=FILE"])
    }
    for id in order.secrets.keys.sorted() where !ProjectSecret.isID(id) {
      throw DeliveryError(
        .usage, "'\(id)' cannot be a secret's id: \(ProjectSecret.idRule)", leftBehind: "nothing was sent or built",
        next: ["name it otherwise: --secret ID=FILE"])
    }
    for index in project.images.indices {
      guard order.images.contains(project.images[index].name) else { continue }
      project.images[index].args.merge(order.arguments) { $1 }
    }
    self.workspace = workspace
    self.order = order
    self.context = context
    registry = try Self.registry(project, order)
    guard let owner = order.owner ?? project.owner else {
      throw DeliveryError(
        .usage, "no owner is named", next: ["write owner: NAME into \(LocalWorkspace.fileName), or --owner NAME"])
    }
    self.owner = owner
    do {
      let dockerfiles = try Self.dockerfiles(of: project, in: workspace, order, context)
      project.images.removeAll { dockerfiles[$0.name] == nil }
      self.dockerfiles = dockerfiles
      self.project = project
      graph = try ImageGraph(project: project, dockerfiles: dockerfiles, registry: registry.address, owner: owner)
    } catch {
      throw DeliveryError(.usage, "\(error)", leftBehind: "nothing was sent or built", next: ["mend it and run again"])
    }
  }

  /// The Dockerfiles of all images that can be read. One that cannot, of an image that is not to be built, is left out:
  /// somebody may be at work there.
  private static func dockerfiles(
    of project: Project, in workspace: LocalWorkspace, _ order: BuildOrder, _ context: RunContext
  ) throws -> [String: Dockerfile] {
    var dockerfiles: [String: Dockerfile] = [:]
    for image in project.images {
      let data = try Data(contentsOf: URL(filePath: workspace.root.pushing(FilePath(image.dockerfile)).string))
      let read = Result { try Dockerfile(bytes: Array(data), file: image.dockerfile) }
      if case .failure(let error) = read, !order.images.contains(image.name) {
        context.warn("\(image.name) is left out of the plan: \(error)")
      } else {
        dockerfiles[image.name] = try read.get()
      }
    }
    return dockerfiles
  }

  private static func registry(_ project: Project, _ order: BuildOrder) throws -> ProjectRegistry {
    guard let address = order.registry ?? project.registry?.address else {
      throw DeliveryError(
        .usage, "no registry is named",
        next: ["write registry: ADDRESS into \(LocalWorkspace.fileName), or --registry ADDRESS"])
    }
    var registry = project.registry.flatMap { $0.address == address ? $0 : nil } ?? ProjectRegistry(address: address)
    registry.caFile = order.certificates.map { FilePath(URL(filePath: $0.string).path) } ?? registry.caFile
    return registry
  }

  /// The images of the order, each after those that it stands on.
  func images() throws -> [ProjectImage] {
    do {
      return try graph.ordered(order.images).compactMap { project[$0] }
    } catch {
      throw DeliveryError(.usage, "\(error)", leftBehind: "nothing was sent or built")
    }
  }

  /// What is to be done for each of the order's images, with versions and arguments.
  func tasks(_ scan: Scan) async throws -> [ImageTask] {
    let git = await GitRepository(workspace: workspace.root).facts()
    do {
      let tags = try tags(git, tree: scan.treeDigest)
      return try images().map { try task($0, tags: tags, git, scan) }
    } catch let error as ImagesError {
      throw DeliveryError(.usage, "\(error)", leftBehind: "nothing was sent or built")
    }
  }

  /// Every image's tag: the command line's for those that are built, else what `remote-build.yaml` says.
  private func tags(_ git: GitFacts?, tree: Digest) throws -> [String: String] {
    var tags: [String: String] = [:]
    for image in project.images {
      let isOrdered = order.images.contains(image.name)
      let version = try isOrdered ? order.version.map { try Version($0) } : nil
      switch version ?? project.version(of: image) {
      case .fixed(let tag)?: tags[image.name] = tag
      case .git?:
        guard let git else {
          // Who stands on it says so by itself: its base has no version then.
          guard isOrdered else { continue }
          throw DeliveryError(
            .usage, "the version of \(image.name) is git, and \(workspace.root) is in no Git repository with a commit",
            next: ["commit the workspace, or name a version: --version v1.0.0"])
        }
        tags[image.name] = try GitDescription(
          described: git.description, revision: git.revision, commits: git.commits, isDirty: git.isDirty
        ).tag(treeDigest: tree)
      case nil:
        guard !isOrdered else {
          throw DeliveryError(
            .usage, "\(image.name) has no version",
            next: ["write version: v1.0.0 into \(LocalWorkspace.fileName), or --version v1.0.0"])
        }
      }
    }
    return tags
  }

  /// The channel that verified releases move: of a clean commit, or where that is waived.
  private func channel(_ git: GitFacts?) -> String? {
    guard order.promotes, order.promotesDirty || git?.isDirty == false else { return nil }
    return project.channel
  }

  /// Says where a release will not move the channel, and how it does.
  func nameHeldBack(_ tasks: [ImageTask]) {
    guard let channel = project.channel, order.promotes else { return }
    for task in tasks where task.channel == nil {
      context.warn(
        "the channel \(channel) of \(task.image.name) will not move, since the workspace is not a clean commit: commit "
          + "it, or add --allow-dirty")
    }
  }

  private func task(
    _ image: ProjectImage, tags: [String: String], _ git: GitFacts?, _ scan: Scan
  ) throws -> ImageTask {
    guard let tag = tags[image.name], let dockerfile = dockerfiles[image.name],
      let contextDigest = scan.contextDigests[image.name]
    else { throw DeliveryError(.usage, "\(image.name) cannot be planned") }
    let inputs = try graph.inputs(of: image.name, tags: tags)
    for warning in inputs.warnings { context.warn(warning) }
    var image = image
    for (id, file) in order.secrets.sorted(by: { $0.key < $1.key }) {
      image.secrets.removeAll { $0.id == id }
      image.secrets.append(ProjectSecret(id: id, source: .file(FilePath(URL(filePath: file.string).path))))
    }
    return ImageTask(
      image: image, dockerfile: dockerfile, tag: tag, registry: registry, repository: "\(owner)/\(image.name)",
      inputs: inputs,
      ownBases: Dictionary(inputs.ownBases.map { ($0.reference, $0) }) { first, _ in first }
        .mapValues { ImageTask.OwnBase(image: $0.image, repository: "\(owner)/\($0.image)", tag: $0.tag ?? "latest") },
      contextDigest: contextDigest, treeDigest: scan.treeDigest, git: git,
      channel: channel(git))
  }
}
