// SPDX-License-Identifier: Apache-2.0

internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A workspace on this host: its directory and its state, held open, with the lease.
final class AgentWorkspace: Sendable {
  let path: String
  let root: HeldDirectory
  /// `.remote-build`
  let state: Int32
  private let lease: Lease

  private static let marker = Array("project".utf8)
  private static let managedList = Array("managed".utf8)

  /// Opens the copy of `project` at `path`, makes it where there is none, and takes the lease. Blocks.
  ///
  /// Throws ``Refusal/notOurs`` and ``Refusal/leaseHeld``, and what the system refuses.
  /// - Parameter project: `nil` where whatever stands there will do, but something must.
  init(_ path: String, project: String?, owner: String, adopt: Bool, wait: Bool) throws {
    self.path = path
    guard path.hasPrefix("/") else {
      throw Refusal.badPath.failure("the workspace's directory on the host must be absolute, and '\(path)' is not")
    }
    if project != nil { try Self.makeDirectory(path) }
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOTDIR { throw Self.notOurs(path, "it is not a directory", "Name another one with --remote-dir") }
      throw SyncError.last("open the workspace", path)
    }
    root = HeldDirectory(descriptor)
    try Self.checkOwner(descriptor, path, adopt)
    guard faccessat(descriptor, ".", W_OK | X_OK, AT_EACCESS) == 0 else {
      throw Self.notOurs(
        path, "it is not writable for this user", "Change its permissions, or name another with --remote-dir")
    }
    state = try Self.openState(descriptor, path, project, adopt)
    do {
      try Self.checkOwner(state, path + "/.remote-build", adopt)
      lease = try Lease(state: state, owner: owner, wait: wait, workspace: path)
    } catch {
      close(state)
      throw error
    }
    // All that is stored is set: what throws from here on is followed by `deinit`, which closes.
    if let project, try Self.project(state, path) != project {
      try Disk.replace(state, Self.marker, [Array(project.utf8)], "\(path)/.remote-build/project")
    }
  }

  deinit { close(state) }

  /// Keeps the lease until the agent's connection ends.
  func keepLease(in locks: HeldLocks) { lease.keep(in: locks, of: path) }

  /// Gives the lease up. Nothing may be changed after it.
  func release() { lease.release() }

  /// What was pushed last, with the stamps it had then.
  func recorded() -> Snapshot { Snapshot.load(state, Self.managedList) ?? .empty }

  /// Writes a new managed list, which takes the old one's place when it is finished.
  /// - Parameter known: as ``SnapshotWriter`` takes it.
  func managedWriter(like known: Snapshot.Summary? = nil) throws -> SnapshotWriter {
    try SnapshotWriter(state, Self.managedList, path: "\(path)/.remote-build/managed", like: known)
  }

  /// Makes what a scan found the managed list.
  func record(_ snapshot: Snapshot) throws {
    let now = FileStamp.now()
    let writer = try managedWriter()
    try snapshot.visit { item in
      var item = item
      item.mark = .none
      if let stamp = item.stamp, stamp.kind == .file, !stamp.isSettled(at: now) { item.stamp = nil }
      try writer.append(item)
    }
    _ = try writer.finish(takenAt: now)
  }

  /// The chunk lists of the big files here.
  func chunks() throws -> ChunkStore {
    try ChunkStore(state, Array("chunks".utf8), path: "\(path)/.remote-build/chunks")
  }

  /// A directory of the state, made where it is missing; the caller closes it.
  func openState(_ name: String) throws -> Int32 { try Self.openState(state, name, path) }

  static func openState(_ directory: Int32, _ name: String, _ path: String) throws -> Int32 {
    let full = "\(path)/.remote-build/\(name)"
    guard mkdirat(directory, name, 0o755) == 0 || errno == EEXIST else { throw SyncError.last("make", full) }
    return try Disk.open(directory, Array(name.utf8), O_RDONLY | O_DIRECTORY, path: full)
  }

  private static func openState(_ root: Int32, _ path: String, _ project: String?, _ adopt: Bool) throws -> Int32 {
    let name = TreePath.stateDirectory
    let adoptHint = "If it may be overwritten, run the same command with --adopt; else name another with --remote-dir"
    let isNew = try Disk.stamp(root, name) == nil
    if isNew {
      guard project != nil else { throw Refusal.treeChanged.failure("nothing was pushed to \(path) yet") }
      // Someone else may have begun with it meanwhile.
      guard try adopt || Disk.names(root, path).allSatisfy({ $0 == name }) else {
        throw notOurs(path, "it holds files, and nothing was ever pushed there", adoptHint)
      }
      guard Disk.withPath(name, { mkdirat(root, $0, 0o755) }) == 0 || errno == EEXIST else {
        throw SyncError.last("make", "\(path)/.remote-build")
      }
    }
    let state: Int32
    do {
      state = try Disk.open(root, name, O_RDONLY | O_DIRECTORY, path: "\(path)/.remote-build")
    } catch let error as SyncError where error.systemError == ENOTDIR || error.systemError == ELOOP {
      throw notOurs(path, "its .remote-build is not a directory", "Remove that, or name another with --remote-dir")
    }
    do {
      guard let project, !adopt else { return state }
      // A first push that was cut off leaves a directory of state without a marker, and nothing else. Looked at first:
      // whoever pushes meanwhile makes the marker before all else.
      let isUntouched = try Disk.names(root, path).count == 1
      let standing = try Self.project(state, path)
      guard standing == project || standing == nil && isUntouched else {
        throw notOurs(path, standing.map { "it is the copy of project '\($0)'" } ?? "it has no marker", adoptHint)
      }
      return state
    } catch {
      close(state)
      throw error
    }
  }

  /// What a helper of the agent that holds the lease needs of a workspace. It makes nothing.
  final class Shared: Sendable {
    let staging: Int32
    let chunks: ChunkStore

    /// Throws ``Refusal/notOurs`` where no push is under way.
    init(_ path: String) throws {
      let root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard root >= 0 else { throw SyncError.last("open the workspace", path) }
      defer { close(root) }
      let statePath = path + "/.remote-build"
      let state = try Disk.open(root, TreePath.stateDirectory, O_RDONLY | O_DIRECTORY, path: statePath)
      defer { close(state) }
      try AgentWorkspace.checkOwner(state, statePath, false)
      chunks = try ChunkStore(state, Array("chunks".utf8), path: statePath + "/chunks")
      staging = try Disk.open(state, Staging.directory, O_RDONLY | O_DIRECTORY, path: statePath + "/staging")
    }

    deinit { close(staging) }
  }

  private static func project(_ state: Int32, _ path: String) throws -> String? {
    try Disk.contents(state, marker, limit: 4096, "\(path)/.remote-build/project").map { TreePath.text($0) }
  }

  private static func checkOwner(_ descriptor: Int32, _ path: String, _ adopt: Bool) throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SyncError.last("look at", path) }
    guard adopt || status.st_uid == geteuid() else {
      throw notOurs(
        path, "it belongs to another user (uid \(status.st_uid))",
        "If it may be taken over, run the same command with --adopt; else name another with --remote-dir")
    }
  }

  private static func notOurs(_ path: String, _ why: String, _ remedy: String) -> ServiceFailure {
    Refusal.notOurs.failure(
      "\(path) is not this workspace's copy: \(why). Nothing was changed. \(remedy)", details: ["workspace": [path]])
  }

  private static func makeDirectory(_ path: String) throws {
    var made = ""
    for part in path.split(separator: "/") {
      made += "/" + part
      if mkdir(made, 0o755) != 0 && errno != EEXIST {
        let failure = errno
        // A directory above that cannot be written to, but exists, is reported as such by some systems.
        if access(made, F_OK) != 0 { throw SyncError.number(failure, "make the directory", made) }
      }
    }
  }
}
