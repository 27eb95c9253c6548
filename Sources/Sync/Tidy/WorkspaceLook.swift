// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The agent's side of `workspace.look`. Blocks, takes no lock, and writes nothing.
struct WorkspaceLook {
  private let path: String

  init(_ path: String) { self.path = path }

  func run() throws -> WorkspaceFacts {
    guard let state = try Self.openState(path) else { return WorkspaceFacts(project: nil, holder: nil, since: nil) }
    defer { close(state) }
    let marker = try Disk.contents(state, Array("project".utf8), limit: 4096, "\(path)/.remote-build/project")
    let holder = Lease.holder(state)
    return WorkspaceFacts(project: marker.map { TreePath.text($0) }, holder: holder?.owner, since: holder?.since)
  }

  /// The state's directory; `nil` where there is none, or something else stands in its place.
  static func openState(_ path: String) throws -> Int32? {
    let root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard root >= 0 else { return nil }
    defer { close(root) }
    do {
      return try Disk.open(root, TreePath.stateDirectory, O_RDONLY | O_DIRECTORY, path: "\(path)/.remote-build")
    } catch let error as SyncError where [ENOENT, ENOTDIR, ELOOP, EACCES].contains(error.systemError) {
      return nil
    }
  }
}
