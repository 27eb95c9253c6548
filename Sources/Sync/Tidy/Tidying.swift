// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The agent's side of `workspace.tidy`. Blocks.
struct Tidying {
  private let parameters: TidyParameters
  private let locks: HeldLocks

  init(_ parameters: TidyParameters, _ locks: HeldLocks) {
    self.parameters = parameters
    self.locks = locks
  }

  func run() throws -> TidiedWorkspace {
    let path = parameters.workspace
    do {
      let facts = try WorkspaceLook(path).run()
      guard facts.project != nil else { return TidiedWorkspace() }
      if parameters.isDry {
        guard let state = try WorkspaceLook.openState(path) else { return TidiedWorkspace() }
        defer { close(state) }
        return try tidy(state)
      }
      let workspace = try AgentWorkspace(
        path, project: nil, owner: parameters.owner, adopt: false, wait: false)
      // Whoever tidies this workspace has more to tidy on the host.
      workspace.keepLease(in: locks)
      return try tidy(workspace.state)
    } catch {
      throw Refusal.failure(from: error, workspace: path)
    }
  }

  private func tidy(_ state: Int32) throws -> TidiedWorkspace {
    var result = TidiedWorkspace()
    try tidySlots(state, &result)
    try tidySaved(state, &result)
    return result
  }

  private func tidySlots(_ state: Int32, _ result: inout TidiedWorkspace) throws {
    guard let images = parameters.images, let slots = try Self.enter(state, "slots") else { return }
    defer { close(slots) }
    let wanted = Set(images.map { Array(SlotPreparation.directoryName($0).utf8) })
    for name in try Disk.names(slots, "slots") where !wanted.contains(name) {
      let text = TreePath.text(name)
      guard let image = try Self.enter(slots, text) else { continue }
      defer { close(image) }
      // A build from one of them would lose its context: all are locked first, and let go with the descriptors.
      guard let locks = parameters.isDry ? try Self.looksFree(image) : try Self.lockAll(image) else {
        result.busy.append(text)
        continue
      }
      defer { for lock in locks { close(lock) } }
      result.slots.append(.init(name: text, size: try Self.size(slots, name)))
      if !parameters.isDry { try Disk.remove(slots, name, "slots/\(text)") }
    }
  }

  private func tidySaved(_ state: Int32, _ result: inout TidiedWorkspace) throws {
    guard let saved = try Self.enter(state, "saved") else { return }
    defer { close(saved) }
    // Each was named by its time, which sorts as text does.
    let limit = Clock.name(Int64(time(nil)) - Int64(max(0, min(parameters.olderThan, 1e9))))
    for name in try Disk.names(saved, "saved") {
      let time = TreePath.text(name).prefix(limit.count)
      guard time.count == limit.count, time.hasSuffix("Z"), time <= limit else { continue }
      result.saved.append(.init(name: TreePath.text(name), size: try Self.size(saved, name)))
      if !parameters.isDry { try Disk.remove(saved, name, "saved/\(TreePath.text(name))") }
    }
  }

  /// Every slot's lock; `nil` where a build holds one.
  private static func lockAll(_ image: Int32) throws -> [Int32]? {
    var locks: [Int32] = []
    for name in try Disk.names(image, "a slot") where name.suffix(5).elementsEqual(".lock".utf8) {
      let lock = try Disk.open(image, name, O_RDWR, path: "a slot")
      locks.append(lock)
      if flock(lock, LOCK_EX | LOCK_NB) != 0 {
        for lock in locks { close(lock) }
        return nil
      }
    }
    return locks
  }

  /// The same for a dry run, which must not take a slot from a build that looks for one: an empty list where no slot is
  /// locked.
  private static func looksFree(_ image: Int32) throws -> [Int32]? {
    let locked = Set(try Lease.locks().map(\.inode))
    for name in try Disk.names(image, "a slot") where name.suffix(5).elementsEqual(".lock".utf8) {
      if let stamp = try Disk.stamp(image, name), locked.contains(stamp.inode) { return nil }
    }
    return []
  }

  /// Opens a directory of the state; `nil` where there is none.
  private static func enter(_ directory: Int32, _ name: String) throws -> Int32? {
    do {
      return try Disk.open(directory, Array(name.utf8), O_RDONLY | O_DIRECTORY, path: name)
    } catch let error as SyncError where [ENOENT, ENOTDIR, ELOOP].contains(error.systemError) {
      return nil
    }
  }

  /// What an entry and all that it holds take on the disk; links are not followed.
  private static func size(_ directory: Int32, _ name: [UInt8]) throws -> ByteCount {
    var facts = stat()
    guard Disk.withPath(name, { fstatat(directory, $0, &facts, AT_SYMLINK_NOFOLLOW) }) == 0 else { return .zero }
    var size = ByteCount(Int64(facts.st_blocks) * 512)
    guard facts.st_mode & S_IFMT == S_IFDIR, let inner = try enter(directory, TreePath.text(name)) else { return size }
    defer { close(inner) }
    for child in try Disk.names(inner, "a directory") { size += try Self.size(inner, child) }
    return size
  }
}
