// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Registry
internal import SystemPackage
internal import Vocabulary

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// A rollback without a channel: the version goes back where the workspace pins it.
struct PinnedRollback: Sendable {
  let workspace: LocalWorkspace
  let order: ReleaseOrder
  let context: RunContext

  func run(_ images: [ReleaseScope.Named]) async throws -> ExitStatus {
    guard let project = workspace.project else {
      throw DeliveryError(
        .usage, "there is neither a channel nor a \(LocalWorkspace.fileName) that pins a version",
        leftBehind: "nothing was changed", next: ["name the channel: --channel NAME", "or go to the workspace"])
    }
    var texts: [String: PinnedVersion.Edit] = [:]
    for image in images {
      let pin = try await pin(image, project)
      let edits = try pin.edits(project)
      for edit in edits {
        guard texts[edit.file] == nil else {
          throw DeliveryError(
            .usage, "\(edit.file) pins the version of more than one of these images",
            leftBehind: "nothing was changed", next: ["roll them back one after another"])
        }
        texts[edit.file] = edit
      }
      context.emit(
        .pinning(
          .init(image: image.repository.image, from: pin.old, to: pin.new, difference: edits.flatMap(\.difference))))
    }
    let edits = texts.values.sorted { $0.file < $1.file }
    guard !order.isDry else { return .success }
    try await Agreement(context: context, isGiven: order.isAgreed).ask(
      "Change \(edits.map(\.file).joined(separator: ", "))?")
    try write(edits)
    let id = ULID().description
    await AuditLog(context: context).append(
      images.map { image in
        var entry = AuditEntry(
          id: id, who: context.owner, command: "rollback", image: image.repository.name, result: .done)
        entry.reason = "pinned in \(edits.map(\.file).joined(separator: ", "))"
        return entry
      })
    return .success
  }

  /// The version that is pinned, and the one that takes its place.
  private func pin(_ named: ReleaseScope.Named, _ project: Project) async throws -> PinnedVersion {
    let repository = named.repository
    guard let image = named.image, let version = project.version(of: image) else {
      throw DeliveryError(
        .usage, "\(repository.image) has neither a channel nor a version in \(LocalWorkspace.fileName)",
        leftBehind: "nothing was changed", next: ["name the channel: --channel NAME"])
    }
    guard case .fixed(let old) = version else {
      throw DeliveryError(
        .usage, "\(repository.image) has no channel, and its version is git: there is nothing pinned to put back",
        leftBehind: "nothing was changed",
        next: ["check the older commit out and build that", "or name the channel: --channel NAME"])
    }
    let new = try await target(before: old, repository)
    return PinnedVersion(root: workspace.root, image: image.name, name: repository.name, old: old, new: new)
  }

  /// The newest whole version before `old`, or the one that was named.
  private func target(before old: String, _ repository: ReleaseRepository) async throws -> String {
    if let target = order.target {
      guard try Tag(target).isLowercase, target != old else {
        throw DeliveryError(
          .releaseRefused, "\(repository.image) is pinned to \(target) already", leftBehind: "nothing was changed")
      }
      guard
        case .broken(let problems) = try await repository.registry.soundness(
          repository.repository, .tag(Tag(target)))
      else { return target }
      throw DeliveryError(
        .releaseRefused, "\(repository.name):\(target) is broken or not there", details: Array(problems.prefix(8)),
        leftBehind: "nothing was changed")
    }
    let tags = try await repository.registry.tags(repository.repository)
    let earlier = tags.filter { VersionOrder.isVersion($0) && VersionOrder.areInIncreasingOrder($0, old) }
      .sorted { VersionOrder.areInIncreasingOrder($1, $0) }
    var problems: [String] = []
    for tag in earlier.prefix(ReleaseRepository.longestHistory) {
      switch try await repository.registry.soundness(repository.repository, .tag(Tag(tag))) {
      case .whole: return tag
      case .broken(let found):
        problems.append("\(tag) is broken: \(found.first ?? "")")
        context.warn("\(repository.name):\(tag) is passed over: \(found.first ?? "broken")")
      }
    }
    throw DeliveryError(
      .releaseRefused, "no whole version of \(repository.image) stands before \(old) in the registry",
      details: Array(problems.prefix(8)), leftBehind: "nothing was changed", next: ["name one: --to TAG"])
  }

  /// Writes all files or, where one fails, none.
  private func write(_ edits: [PinnedVersion.Edit]) throws {
    var written: [PinnedVersion.Edit] = []
    do {
      for edit in edits {
        let path = workspace.root.pushing(FilePath(edit.file)).string
        // Somebody may have edited it while the question stood.
        guard try String(contentsOfFile: path, encoding: .utf8) == edit.text else {
          throw DeliveryError(.releaseRefused, "\(edit.file) was changed since the difference was shown")
        }
        try Self.replace(path, with: edit.changed)
        written.append(edit)
      }
    } catch {
      var failure = DeliveryError(error, host: nil)
      var left: [String] = []
      for edit in written {
        let path = workspace.root.pushing(FilePath(edit.file)).string
        do { try Self.replace(path, with: edit.text) } catch { left.append(edit.file) }
      }
      failure.leftBehind = left.isEmpty ? "every file is as it was" : "changed: \(left.joined(separator: ", "))"
      throw failure
    }
  }

  /// Writes a file's new text in one step, with its permissions.
  private static func replace(_ path: String, with text: String) throws {
    let files = FileManager.default
    let mode = try files.attributesOfItem(atPath: path)[.posixPermissions]
    try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
    if let mode { try files.setAttributes([.posixPermissions: mode], ofItemAtPath: path) }
  }
}
