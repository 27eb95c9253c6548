// SPDX-License-Identifier: Apache-2.0

public import SystemPackage
internal import Vocabulary
public import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Makes a host's copy of a workspace equal to a scan, over one call of an agent.
public struct WorkspacePush: Sendable {
  private let scan: Scan
  private let root: FilePath
  private let host: String
  private let workspace: String
  private let options: PushOptions
  private let ancestors: AncestorStore?

  /// - Parameters:
  ///   - scan: what the host's tree is to become.
  ///   - root: the workspace that was scanned; contents are read from there.
  ///   - host: a name for the host, under which its last tree is remembered.
  ///   - workspace: the absolute path on the host; made where it does not exist.
  ///   - ancestors: where the last tree is remembered; `nil` costs a round trip.
  public init(
    scan: Scan, root: FilePath, host: String, workspace: String, options: PushOptions, ancestors: AncestorStore?
  ) {
    self.scan = scan
    self.root = root
    self.host = host
    self.workspace = workspace
    self.options = options
    self.ancestors = ancestors
  }

  /// Pushes.
  /// - Throws: `ServiceFailure` with a code of ``Refusal``; ``SyncError`` with `changedWhileSent` (scan again, push
  ///   again) or `hostKeepsChanging`; `WireError` when the connection breaks. After all but the last the connection
  ///   takes further calls.
  public func run(
    over connection: FrameConnection, progress: @escaping @Sendable (PushProgress) -> Void = { _ in }
  ) async throws -> PushReport {
    let before = (connection.bytesSent, connection.bytesReceived)
    let exchange = try await exchange(connection, dryRun: false, progress)
    var warnings = exchange.answer.warnings
    do {
      let tree = scan.tree
      if exchange.acknowledged != tree {
        try await Threads.run { try ancestors?.save(tree, host: host, workspace: workspace) }
      }
    } catch {
      warnings.append("the host's tree was not remembered, so the next push takes longer: \(error)")
    }
    return PushReport(
      treeDigest: exchange.answer.treeDigest, files: scan.tree.files, changed: exchange.changed,
      deleted: exchange.deletes.count, contentBytes: ByteCount(exchange.contentBytes),
      bytesSent: ByteCount(connection.bytesSent - before.0),
      bytesReceived: ByteCount(connection.bytesReceived - before.1), roundTrips: exchange.roundTrips,
      savedAside: exchange.answer.savedAside, leftBehind: exchange.answer.leftBehind, warnings: warnings)
  }

  /// Says what ``run(over:progress:)`` would do, and changes nothing. Throws the same.
  public func rehearse(over connection: FrameConnection) async throws -> PushPlan {
    let exchange = try await exchange(connection, dryRun: true) { _ in }
    return PushPlan(
      treeDigest: scan.treeDigest, puts: exchange.puts, deletes: exchange.deletes,
      contentBytes: ByteCount(exchange.contentBytes), savedAside: exchange.answer.savedAside,
      leftBehind: exchange.answer.leftBehind)
  }

  private struct Exchange {
    var answer: PushAnswer
    var acknowledged: Tree
    var puts: [String]
    var changed: Int
    var deletes: [String]
    var contentBytes: UInt64
    var roundTrips: Int
  }

  private func exchange(
    _ connection: FrameConnection, dryRun: Bool, _ progress: @escaping @Sendable (PushProgress) -> Void
  ) async throws -> Exchange {
    let parameters = PushParameters(
      workspace: workspace, project: options.project, owner: options.owner, adopt: options.adopt,
      allowMassDelete: options.allowMassDelete, wait: options.wait, dryRun: dryRun)
    var base = try await Threads.run { ancestors?.load(host: host, workspace: workspace) ?? .empty }
    let remembered = base
    var opening = [try FrameConnection.call(PushKind.service, parameters)]
    var sent: UInt64 = 0
    var roundTrips = 0
    for _ in 0..<4 {
      let known = base
      let operations = try await Threads.run { known.operations(to: scan.tree) { stands($0) } }
      let files = missing(operations, from: base)
      opening.append(Attempt(base: base.digest, target: scan.treeDigest).frame)
      opening += OperationWriter(operations).batches.map { Frame(kind: PushKind.operations, payload: $0) }
      var sender = Sender(
        connection: connection, opening: opening, total: files.reduce(0) { $0 + $1.content.size }, progress: progress)
      opening = []
      let end = try await sender.send(ContentReader(root: root, files: dryRun ? [] : files))
      sent += sender.sent
      roundTrips += sender.roundTrips
      switch end {
      case .result(let frame):
        let answer = try FrameConnection.result(frame, as: PushAnswer.self)
        guard answer.treeDigest == scan.treeDigest else {
          throw WireError(.malformed, "the agent acknowledged another tree than was pushed")
        }
        return Exchange(
          answer: answer, acknowledged: remembered,
          puts: operations.compactMap { if case .put(let entry) = $0 { entry.path.description } else { nil } },
          changed: operations.reduce(0) { count, operation in
            if case .put(let entry) = operation, entry.kind != .directory { count + 1 } else { count }
          },
          deletes: operations.compactMap { if case .put = $0 { nil } else { $0.path.description } },
          contentBytes: dryRun ? sender.total : sent, roundTrips: roundTrips)
      case .differs(let operations, let end):
        let from = end.isFromBase ? base : .empty
        base = try from.applying(operations)
        guard base.digest == end.tree else { throw WireError(.malformed, "the agent told its tree wrongly") }
      }
    }
    // The agent waits for another attempt, and so can be told to end the call.
    try await connection.send(.turn(.abandon))
    _ = try await connection.receive()
    throw SyncError(
      .hostKeepsChanging,
      "the tree of \(workspace) kept changing on the host while it was pushed to. Nothing was "
        + "pushed; see what writes there, then run the same command again")
  }

  /// One file for each content that the host does not have.
  private func missing(_ operations: [Operation], from base: Tree) -> [(path: TreePath, content: Content)] {
    var known = Set<Digest>()
    for entry in base.entries { if let content = entry.content { known.insert(content.digest) } }
    return operations.compactMap { operation in
      guard case .put(let entry) = operation, let content = entry.content else { return nil }
      return known.insert(content.digest).inserted ? (entry.path, content) : nil
    }
  }

  /// Whether a path that is not managed any more is on the laptop still, and so became ignored.
  private func stands(_ path: TreePath) -> Bool {
    let full = Array(root.string.utf8) + [TreePath.slash] + path.bytes
    return (try? Disk.stamp(AT_FDCWD, full)) != nil
  }
}
