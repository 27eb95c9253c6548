// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Vocabulary
public import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The call in which a push takes place. It may begin before the workspace is scanned: the agent takes the lease and
/// scans its own side meanwhile.
public struct PushCall: Sendable {
  let workspace: String
  private let parameters: PushParameters

  /// - Parameters:
  ///   - workspace: the absolute path on the host; made where it does not exist.
  ///   - isDry: whether the call is for ``WorkspacePush/rehearse(over:)``.
  public init(workspace: String, options: PushOptions, isDry: Bool = false) {
    self.workspace = workspace
    parameters = PushParameters(
      workspace: workspace, project: options.project, owner: options.owner, adopt: options.adopt,
      allowMassDelete: options.allowMassDelete, wait: options.wait, dryRun: isDry)
  }

  var isDry: Bool { parameters.dryRun }

  var frame: Frame { get throws { try FrameConnection.call(PushKind.service, parameters) } }

  /// Begins the call. What follows on the connection is ``WorkspacePush/run(over:hasBegun:channels:progress:)`` or
  /// ``abandon(over:)``.
  public func begin(over connection: FrameConnection) async throws { try await connection.send(try frame) }

  /// Ends a call that began, with nothing done.
  public func abandon(over connection: FrameConnection) async throws {
    try await connection.send(.turn(.abandon))
    _ = try await connection.receive()
  }
}

/// Makes a host's copy of a workspace equal to a scan, over one call of an agent.
public struct WorkspacePush: Sendable {
  private let scan: Scan
  private let host: String
  private let call: PushCall
  private let ancestors: AncestorStore?

  /// - Parameters:
  ///   - scan: what the host's tree is to become; contents are read from where it was made.
  ///   - host: a name for the host, under which its last tree is remembered.
  ///   - ancestors: where the last tree is remembered; `nil` costs a round trip.
  public init(scan: Scan, host: String, call: PushCall, ancestors: AncestorStore?) {
    self.scan = scan
    self.host = host
    self.call = call
    self.ancestors = ancestors
  }

  /// Pushes.
  /// - Parameters:
  ///   - hasBegun: whether the call was begun on this connection already.
  ///   - channels: opens a further channel to the same host, with an agent that has said hello, for big files. It is
  ///     called several times at once, and each channel is closed at the end.
  /// - Throws: `ServiceFailure` with a code of ``Refusal``; ``SyncError`` with `changedWhileSent` (scan again, push
  ///   again) or `hostKeepsChanging`; `WireError` when the connection breaks. After all but the last the connection
  ///   takes further calls.
  public func run(
    over connection: FrameConnection, hasBegun: Bool = false,
    channels: (@Sendable () async throws -> FrameConnection)? = nil,
    progress: @escaping @Sendable (PushProgress) -> Void = { _ in }
  ) async throws -> PushReport {
    let before = (connection.bytesSent, connection.bytesReceived)
    let exchange = try await exchange(connection, hasBegun: hasBegun, channels, list: nil, progress)
    var warnings = exchange.answer.warnings
    do {
      let snapshot = scan.snapshot
      if exchange.remembered.summary.identity != snapshot.summary.identity {
        try await Threads.run { try ancestors?.save(snapshot, host: host, workspace: call.workspace) }
      }
    } catch {
      warnings.append("the host's tree was not remembered, so the next push takes longer: \(error)")
    }
    return PushReport(
      treeDigest: exchange.answer.treeDigest, files: scan.files, changed: exchange.changed,
      deleted: exchange.deleted, contentBytes: ByteCount(exchange.contentBytes),
      bytesSent: ByteCount(connection.bytesSent - before.0 + exchange.bulkBytes),
      bytesReceived: ByteCount(connection.bytesReceived - before.1), roundTrips: exchange.roundTrips,
      savedAside: exchange.answer.savedAside, leftBehind: exchange.answer.leftBehind, warnings: warnings)
  }

  /// Says what ``run(over:hasBegun:channels:progress:)`` would do, and changes nothing. Throws the same.
  public func rehearse(over connection: FrameConnection) async throws -> PushPlanReport {
    let listing = Listing()
    let exchange = try await exchange(connection, hasBegun: false, nil, list: listing) { _ in }
    return PushPlanReport(
      treeDigest: scan.treeDigest, puts: listing.puts, deletes: listing.deletes,
      contentBytes: ByteCount(exchange.contentBytes), savedAside: exchange.answer.savedAside,
      leftBehind: exchange.answer.leftBehind)
  }

  /// `@unchecked`: filled by one call on one thread, and read after it.
  private final class Listing: @unchecked Sendable {
    var puts: [String] = []
    var deletes: [String] = []

    func add(_ operation: Operation) {
      if case .put(let entry, _) = operation {
        puts.append(entry.path.description)
      } else {
        deletes.append(operation.path.description)
      }
    }
  }

  private struct Exchange {
    var answer: PushAnswer
    var remembered: Snapshot
    var changed: Int
    var deleted: Int
    var contentBytes: UInt64
    var roundTrips: Int
    var bulkBytes: Int
  }

  private func exchange(
    _ connection: FrameConnection, hasBegun: Bool, _ channels: BulkSender.Opening?, list: Listing?,
    _ progress: @escaping @Sendable (PushProgress) -> Void
  ) async throws -> Exchange {
    let scratch = try Scratch()
    var base = try await Threads.run { ancestors?.load(host: host, workspace: call.workspace) ?? .empty }
    let remembered = base
    var opening = hasBegun ? [] : [try call.frame]
    var (sent, roundTrips, bulkBytes) = (UInt64(0), 0, 0)
    for _ in 0..<4 {
      let known = base
      let plan: PushPlan
      do {
        plan = try await Threads.run {
          try PushPlan(
            from: known, to: scan, scratch: scratch.descriptor, stands: stands,
            list: list.map { list in { list.add($0) } })
        }
      } catch {
        // The agent waits for an attempt where the call has begun.
        if opening.isEmpty { try await call.abandon(over: connection) }
        throw error
      }
      opening.append(Attempt(base: base.digest, target: scan.treeDigest).frame)
      var sender = Sender(
        connection: connection, plan: plan,
        scratch: scratch.descriptor, workspace: call.workspace, open: channels, progress: progress)
      let end = try await sender.send(opening, isDry: call.isDry)
      opening = []
      sent += sender.sent
      roundTrips += sender.roundTrips
      bulkBytes += sender.bulkBytes
      switch end {
      case .result(let frame):
        let answer = try FrameConnection.result(frame, as: PushAnswer.self)
        guard answer.treeDigest == scan.treeDigest else {
          throw WireError(.malformed, "the agent acknowledged another tree than was pushed")
        }
        return Exchange(
          answer: answer, remembered: remembered, changed: plan.changed, deleted: plan.deleted,
          contentBytes: call.isDry ? plan.contentBytes : sent, roundTrips: roundTrips, bulkBytes: bulkBytes)
      case .differs(let steps, let end):
        base = try await Threads.run {
          try (end.isFromBase ? known : .empty).applying(steps, scratch: scratch.descriptor)
        }
        guard base.digest == end.tree else { throw WireError(.malformed, "the agent told its tree wrongly") }
        list?.puts = []
        list?.deletes = []
      }
    }
    // The agent waits for another attempt, and so can be told to end the call.
    try await call.abandon(over: connection)
    throw SyncError(
      .hostKeepsChanging,
      "the tree of \(call.workspace) kept changing on the host while it was pushed to. Nothing was "
        + "pushed; see what writes there, then run the same command again")
  }

  /// Whether a path that is not managed any more is on the laptop still, and so became ignored.
  private func stands(_ path: TreePath) -> Bool {
    let full = Array(scan.root.string.utf8) + [TreePath.slash] + path.bytes
    return (try? Disk.stamp(AT_FDCWD, full)) != nil
  }
}

/// A directory for nameless files.
final class Scratch: Sendable {
  let descriptor: Int32

  init() throws {
    let path = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    descriptor = try Disk.open(AT_FDCWD, Array(path.utf8), O_RDONLY | O_DIRECTORY, path: path)
  }

  deinit { close(descriptor) }
}
