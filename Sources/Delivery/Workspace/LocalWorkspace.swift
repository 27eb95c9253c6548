// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Settings
internal import Sync
internal import SystemPackage
internal import Vocabulary

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// The workspace on this laptop: its root, and what its `remote-build.yaml` says, where there is one.
struct LocalWorkspace: Sendable {
  static let fileName = "remote-build.yaml"

  let root: FilePath
  let project: Project?

  /// The workspace's name on hosts: the name of its directory.
  var name: String { root.lastComponent?.string ?? "workspace" }

  /// The name with which a host tells this workspace from another one of the same directory name: the same in every clone
  /// of a repository, and this laptop's own where there is none.
  func distinctName(owner: String) async -> String {
    let identity = await GitRepository(workspace: root).identity() ?? "\(owner) \(root)"
    return "\(name)-\(Digest.sha256(of: identity).short)"
  }

  /// Opens the workspace that was named, or the nearest one upward from the working directory.
  /// - Parameter needsProject: whether a directory without a `remote-build.yaml` is refused.
  static func open(_ named: FilePath?, context: RunContext, needsProject: Bool) throws -> LocalWorkspace {
    let start = context.workingDirectory.pushing(named ?? "").lexicallyNormalized()
    guard let root = Self.realPath(start) else {
      throw DeliveryError(.usage, "there is no directory \(start)", next: ["name the workspace: --workspace DIRECTORY"])
    }
    if let project = try load(root, context: context) { return LocalWorkspace(root: root, project: project) }
    if named == nil {
      var parent = root
      while parent.removeLastComponent() {
        if let project = try load(parent, context: context) { return LocalWorkspace(root: parent, project: project) }
      }
    }
    guard !needsProject else {
      throw DeliveryError(
        .usage, "no \(fileName) in \(root)\(named == nil ? " or above it" : "")",
        next: ["go to the workspace, or name it: --workspace DIRECTORY"])
    }
    return LocalWorkspace(root: root, project: nil)
  }

  private static func load(_ root: FilePath, context: RunContext) throws -> Project? {
    guard FileManager.default.fileExists(atPath: root.appending(fileName).string) else { return nil }
    do {
      return try Project.load(workspace: root, home: context.directories.home)
    } catch {
      throw DeliveryError(
        .usage, "\(error)", leftBehind: "nothing was changed", next: ["mend \(fileName) and run again"])
    }
  }

  private static func realPath(_ path: FilePath) -> FilePath? {
    var isDirectory = false
    guard FileManager.default.fileExists(atPath: path.string, isDirectory: &isDirectory), isDirectory else {
      return nil
    }
    return FilePath(URL(filePath: path.string).resolvingSymlinksInPath().path)
  }

  /// The contexts of all images: together they decide what is synced.
  var contexts: [ImageContext] {
    (project?.images ?? []).map { image in
      ImageContext(image: image.name, directory: image.context, dockerfile: image.dockerfile)
    }
  }

  func scan(context: RunContext) async throws -> Scan {
    let cache = context.directories.statCache(of: root)
    let scan: Scan
    do {
      try FileManager.default.createDirectory(
        atPath: cache.removingLastComponent().string, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
      scan = try await WorkspaceScanner(
        root: root, contexts: contexts, cacheFile: cache
      ).scan()
    } catch let error as SyncError where [.badPattern, .badContext].contains(error.code) {
      throw error
    } catch {
      throw DeliveryError(.syncRefused, "the workspace cannot be read: \(error)", leftBehind: "nothing was sent")
    }
    for warning in scan.warnings { context.warn("\(warning)") }
    if scan.isNew { try await nameIgnored(scan, context: context) }
    return scan
  }

  /// Warns of files that Git ignores and that are sent all the same: secrets travel that way. Those that were named
  /// once are not named again.
  private func nameIgnored(_ scan: Scan, context: RunContext) async throws {
    let names = try await scan.managed(among: GitRepository(workspace: root).ignored())
    let file = context.directories.ignoredFiles(of: root)
    let known = (try? String(contentsOfFile: file.string, encoding: .utf8)).map { Set($0.split(separator: "\n")) } ?? []
    let new = names.filter { !known.contains($0[...]) }
    guard !new.isEmpty else { return }
    let shown = new.prefix(5).joined(separator: ", ") + (new.count > 5 ? " and \(new.count - 5) more" : "")
    context.warn("sent to the hosts though Git ignores it: \(shown); what is not to go there, name in .remoteignore")
    try? names.joined(separator: "\n").write(toFile: file.string, atomically: true, encoding: .utf8)
  }
}
