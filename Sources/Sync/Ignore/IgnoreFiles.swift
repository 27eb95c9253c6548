// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The ignore files of a workspace that is held open.
struct IgnoreFiles: Sendable {
  let top: Int32
  let root: FilePath

  /// A file's bytes; `nil` where there is none. Docker's own reader follows links here, but a link may lead out of the
  /// workspace.
  func contents(_ path: TreePath) throws -> [UInt8]? {
    guard let parent = try openParent(path) else { return nil }
    defer { close(parent) }
    guard try Disk.stamp(parent, path.name)?.kind == .file else { return nil }
    return try Disk.contents(parent, path.name, limit: 4 << 20, "\(root)/\(path)")
  }

  /// A digest of all that decides what is managed, with the root's own stamp; `nil` where that is too new to be
  /// believed later.
  func selectionKey(_ contexts: [ImageContext]) throws -> Digest? {
    let stamp = try Disk.stamp(top, named: root.string)
    guard stamp.isSettled(at: FileStamp.now()) else { return nil }
    var text = "selection 1\n\(stamp.inode) \(stamp.mode) \(stamp.modified) \(stamp.changed)\n"
    var files = [[".remoteignore"]]
    for context in contexts {
      text += "\(context.directory)\n\(context.dockerfile)\n"
      files.append([context.dockerfile + ".dockerignore", context.directory + "/.dockerignore"])
    }
    if contexts.isEmpty { files.append([".dockerignore"]) }
    for name in files.joined() {
      let path = try? TreePath(IgnoreFile.cleaned(Array(name.utf8)))
      text += try path.flatMap { try contents($0) }.map { Digest.sha256(of: $0).hex } ?? "none"
      text += "\n"
    }
    return .sha256(of: text)
  }

  /// What is managed: what any of the contexts includes, or without contexts the whole workspace by its own
  /// `.dockerignore`.
  func selection(_ contexts: [ImageContext]) throws -> ManagedSelection {
    let subtracting = try contents(TreePath(".remoteignore")).map { IgnoreFile($0).patterns } ?? []
    var selections = try contexts.map { try ContextSelection($0) { try contents($0) } }
    if selections.isEmpty {
      let path = try TreePath(".dockerignore")
      let contents = try contents(path)
      selections = [
        try ContextSelection(
          directory: [], patterns: contents.map { IgnoreFile($0).patterns } ?? [],
          always: contents == nil ? [] : [path.bytes])
      ]
    }
    return ManagedSelection(contexts: selections, subtracting: try PatternMatcher(subtracting))
  }

  /// The directory above a path, which the caller closes; `nil` where one on the way is missing.
  func openParent(_ path: TreePath) throws -> Int32? {
    var directory = try Disk.open(top, [TreePath.dot], O_RDONLY | O_DIRECTORY, path: root.string)
    for part in path.parent.split(separator: TreePath.slash) {
      let outer = directory
      defer { close(outer) }
      do {
        directory = try Disk.open(outer, Array(part), O_RDONLY | O_DIRECTORY, path: "\(root)/\(path)")
      } catch let error as SyncError where [ENOENT, ENOTDIR, ELOOP].contains(error.systemError) {
        return nil
      }
    }
    return directory
  }
}
