// SPDX-License-Identifier: Apache-2.0

internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What a push is about to do, written down before it does it: `.remote-build/journal`. Whoever opens the workspace
/// after an agent was killed goes on from there, so that each path is old or new, and none stays half way.
///
/// It is written as `journal.new`, with all contents staged, and takes its name in one step: from then on the push is
/// carried out, by this agent or the next one.
final class Journal: Sendable {
  private let workspace: AgentWorkspace
  private let directory: Int32
  private let path: String

  private static let name = Array("journal".utf8)
  private static let newName = Array("journal.new".utf8)
  static let target = Array("target".utf8)
  private static let before = Array("before".utf8)
  private static let steps = Array("steps".utf8)
  private static let order = Array("order".utf8)

  /// What is not in the lists.
  struct Order: Codable {
    /// Paths as bytes in hexadecimal, since they need not be text.
    var savedAside: [String]
    var leftBehind: [String]
    /// The directory under `saved` in which they go.
    var savedName: String
    var kinds: ApplyPlan.Kinds
    /// Whether the list before is the managed list itself.
    var isFromManaged: Bool
  }

  /// Begins one, in place of any that never took its name.
  init(_ workspace: AgentWorkspace) throws {
    self.workspace = workspace
    path = "\(workspace.path)/.remote-build/journal"
    try Disk.remove(workspace.state, Self.newName, path)
    directory = try workspace.openState("journal.new")
  }

  private init(standing workspace: AgentWorkspace, _ path: String, _ directory: Int32) {
    self.workspace = workspace
    self.path = path
    self.directory = directory
  }

  deinit { close(directory) }

  /// The one that an agent left which was killed; `nil` where there is none.
  static func standing(_ workspace: AgentWorkspace) throws -> Journal? {
    guard try Disk.stamp(workspace.state, name)?.kind == .directory else { return nil }
    let path = "\(workspace.path)/.remote-build/journal"
    return Journal(
      standing: workspace, path, try Disk.open(workspace.state, name, O_RDONLY | O_DIRECTORY, path: path))
  }

  /// Whether one has its name, so that the push is to be carried out by whoever comes next.
  var isCommitted: Bool { (try? Disk.stamp(workspace.state, Self.name)) ?? nil != nil }

  /// A writer for the list that the managed one will be.
  func targetWriter() throws -> SnapshotWriter { try SnapshotWriter(directory, Self.target, path: path) }

  /// Writes down the plan, and gives the journal its name.
  func commit(_ plan: ApplyPlan, savedName: String, isFromManaged: Bool) throws {
    if !isFromManaged { try plan.before.copy(to: directory, Self.before, path: path) }
    let steps = try Disk.open(directory, Self.steps, O_WRONLY | O_CREAT | O_EXCL, path: path)
    do {
      defer { close(steps) }
      try plan.steps.forEachBatch { batch in
        let count = (0..<4).map { UInt8(truncatingIfNeeded: batch.count >> (8 * $0)) }
        try Disk.write(steps, count + batch, path)
      }
    }
    let order = Order(
      savedAside: plan.savedAside.map { Self.hex($0) }, leftBehind: plan.leftBehind.map { Self.hex($0) },
      savedName: savedName, kinds: plan.has, isFromManaged: isFromManaged)
    try Disk.replace(directory, Self.order, [try FrameConnection.json(order)], path)
    try Disk.rename(workspace.state, Self.newName, workspace.state, Self.name, path)
  }

  /// What was written down. Throws `WireError` and ``SyncError`` where that is damaged.
  func read(managed: Snapshot, scratch: Int32) throws -> (plan: ApplyPlan, savedName: String) {
    guard let bytes = try Disk.contents(directory, Self.order, limit: 64 << 20, path),
      let target = Snapshot.load(directory, Self.target)
    else { throw WireError(.truncated, "a journal without its order") }
    let order = try FrameConnection.decode(Order.self, bytes)
    let before = order.isFromManaged ? managed : Snapshot.load(directory, Self.before)
    let savedName = try order.savedName.isEmpty ? nil : TreePath(order.savedName)
    guard let before, savedName?.parent.isEmpty ?? order.savedAside.isEmpty else {
      throw WireError(.malformed, "a journal's order")
    }
    let steps = try readSteps(scratch)
    let plan = ApplyPlan(
      before: before, target: target, steps: steps, sent: 0, savedAside: try order.savedAside.map { try Self.path($0) },
      leftBehind: try order.leftBehind.map { try Self.path($0) }, has: order.kinds)
    return (plan, order.savedName)
  }

  private func readSteps(_ scratch: Int32) throws -> Spool {
    let file = try Disk.open(directory, Self.steps, O_RDONLY | O_NONBLOCK, path: path)
    defer { close(file) }
    let steps = Spool(scratch)
    var offset = 0
    while true {
      let head = try Disk.read(file, at: offset, 4, path)
      if head.isEmpty { return steps }
      let count = head.enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
      guard head.count == 4, count <= Frame.maximumPayload else { throw WireError(.malformed, "a journal's steps") }
      let batch = try Disk.read(file, at: offset + 4, count, path)
      guard batch.count == count else { throw WireError(.truncated, "a journal's steps") }
      try steps.append(batch)
      offset += 4 + count
    }
  }

  /// Removes what never took its name.
  func discard() { try? Disk.remove(workspace.state, Self.newName, path) }

  /// Removes it: all is done, or given up.
  func remove() throws { try Disk.remove(workspace.state, Self.name, path) }

  private static func hex(_ path: TreePath) -> String {
    path.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private static func path(_ hex: String) throws -> TreePath {
    var bytes: [UInt8] = []
    var rest = hex[...]
    while !rest.isEmpty {
      guard rest.utf8.count >= 2, let byte = UInt8(rest.prefix(2), radix: 16) else {
        throw WireError(.malformed, "a path in a journal")
      }
      bytes.append(byte)
      rest = rest.dropFirst(2)
    }
    return try TreePath(bytes)
  }
}
