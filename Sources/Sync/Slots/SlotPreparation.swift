// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Vocabulary
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The agent's side of `slot.prepare`: checks the tree under the lease, takes the first free slot of the image, and
/// brings it up to date.
struct SlotPreparation: Sendable {
  private let parameters: SlotParameters
  private let locks: HeldLocks

  init(_ parameters: SlotParameters, _ locks: HeldLocks) {
    self.parameters = parameters
    self.locks = locks
  }

  /// Says on the connection for whom it waits, where it has to.
  func run(_ connection: FrameConnection) async throws -> PreparedSlot {
    do {
      return try await Threads.run { try run(wait: false) }
    } catch let failure as ServiceFailure {
      guard let holder = LeaseHolder(failure) else { throw failure }
      try await connection.send(SlotClient.waiting, json: holder)
      return try await Threads.run { try run(wait: true) }
    }
  }

  private func run(wait: Bool) throws -> PreparedSlot {
    do {
      return try prepare(wait: wait)
    } catch {
      throw Refusal.failure(from: error, workspace: parameters.workspace)
    }
  }

  private func prepare(wait: Bool) throws -> PreparedSlot {
    let context = parameters.context
    let workspace = try AgentWorkspace(
      parameters.workspace, project: nil, owner: parameters.owner, adopt: false, wait: wait)
    let scratch = try Scratch()
    let tree = try workspace.scan(scratch.descriptor, chunks: workspace.chunks()).scan.snapshot
    guard tree.digest == parameters.treeDigest else {
      throw Refusal.treeChanged.failure(
        "the tree in \(workspace.path) is not the one that was pushed any more: someone pushed or edited there. Nothing "
          + "was built; run the same command again", details: ["tree": [tree.digest.description]])
    }
    let wanted = try select(context, of: tree, workspace, scratch)
    guard wanted.digest == parameters.contextDigest else {
      throw Refusal.digestMismatch.failure(
        "the context of \(context.image) has the digest \(wanted.digest.short) on the host, and "
          + "\(parameters.contextDigest.short) on the laptop: client and agent disagree about an ignore file")
    }
    let slots = try workspace.openState("slots")
    defer { close(slots) }
    let name = Self.directoryName(context.image)
    let image = try AgentWorkspace.openState(slots, name, workspace.path)
    defer { close(image) }
    let (number, lock) = try firstFree(image, workspace.path)
    let path = "\(workspace.path)/.remote-build/slots/\(name)/\(number)"
    do {
      try Slot(image: image, number: number, path: path).fill(wanted, from: workspace.root)
    } catch {
      close(lock)
      throw error
    }
    locks.hold(path, FileDescriptor(rawValue: lock))
    let directory = IgnoreFile.cleaned(Array(context.directory.utf8))
    let dockerfile = IgnoreFile.cleaned(Array(context.dockerfile.utf8))
    return PreparedSlot(
      slot: path, path: directory == [TreePath.dot] ? path : "\(path)/\(TreePath.text(directory))",
      dockerfile: "\(path)/\(TreePath.text(dockerfile))", contextDigest: wanted.digest)
  }

  /// What the context includes of the tree, by the ignore files as they stand here.
  private func select(
    _ context: ImageContext, of tree: Snapshot, _ workspace: AgentWorkspace, _ scratch: Scratch
  ) throws -> Snapshot {
    let files = IgnoreFiles(top: workspace.root.descriptor, root: FilePath(workspace.path))
    var filter = ContextFilter(context, try ContextSelection(context) { try files.contents($0) })
    let writer = try SnapshotWriter(scratch.descriptor, nil, path: "a context")
    try tree.visit { item in try filter.take(item) { try writer.append($0) } }
    try filter.finish(in: workspace.path)
    return try writer.finish()
  }

  /// The lowest slot that nobody builds from: the one with the most in it already. The lock's descriptor is
  /// close-on-exec; whoever starts the job lifts that.
  private func firstFree(_ image: Int32, _ path: String) throws -> (Int, Int32) {
    for number in 1...64 {
      let name = Array("\(number).lock".utf8)
      let lock = try Disk.open(image, name, O_RDWR | O_CREAT, path: "\(path)/.remote-build/slots")
      if flock(lock, LOCK_EX | LOCK_NB) == 0 { return (number, lock) }
      let failure = errno
      close(lock)
      guard failure == EWOULDBLOCK || failure == EINTR else { throw SyncError.number(failure, "lock a slot of", path) }
    }
    throw Refusal.io.failure("all 64 slots of \(parameters.context.image) in \(path) are in use")
  }

  /// A name for the image's directory: its own, with what could mean something in a path written as `%NN`.
  static func directoryName(_ image: String) -> String {
    var name = ""
    for byte in image.utf8 {
      let character = Character(Unicode.Scalar(byte))
      let isPlain = byte < 0x80 && (character.isLetter || character.isNumber || "-_".contains(character))
      if isPlain || byte == TreePath.dot && !name.isEmpty {
        name.append(character)
      } else {
        name += "%" + String(byte, radix: 16)
      }
    }
    return name
  }
}
