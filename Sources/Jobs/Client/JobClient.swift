// SPDX-License-Identifier: Apache-2.0

public import Vocabulary
public import Wire

/// Jobs and commands on the host that an agent serves. One call at a time on a connection.
///
/// Each throws the agent's ``Wire/ServiceFailure``, whose ``Wire/ServiceFailure/job`` gives the reason, or
/// ``Wire/WireError`` when the connection breaks.
public struct JobClient: Sendable {
  private let connection: FrameConnection

  /// A connection whose hello was received.
  public init(_ connection: FrameConnection) { self.connection = connection }

  /// Starts a job and returns when its supervisor has all that it needs: from then on the connection may break.
  @discardableResult
  public func start(_ spec: JobSpec) async throws -> JobStatus { try await connection.call(JobCall.start, spec) }

  /// Hands out the job's log from byte `offset` on, until the job ends; returns its status then. The agent sends only
  /// as fast as `each` returns. `note` hears of the job's place in the queue, and of bytes that are gone. When `each` throws, or the task is cancelled, the tail is given up with its connection;
  /// the job goes on, and another tail can be begun where this one stopped.
  public func tail(
    _ id: String, from offset: UInt64 = 0, note: (TailNote) async throws -> Void = { _ in },
    each: ([UInt8]) async throws -> Void
  ) async throws -> JobStatus {
    try await read(JobCall.Tail(id: id, offset: offset, follow: true), note, each)
  }

  /// Hands out the job's log from byte `offset` to where it ends now.
  @discardableResult
  public func log(
    _ id: String, from offset: UInt64 = 0, note: (TailNote) async throws -> Void = { _ in },
    each: ([UInt8]) async throws -> Void
  ) async throws -> JobStatus {
    try await read(JobCall.Tail(id: id, offset: offset, follow: false), note, each)
  }

  /// Hands out what the job has printed in the last `seconds`, to about a second and from a line's beginning, and goes on
  /// until the job ends where it is to `follow`. The first note says which byte that is.
  @discardableResult
  public func log(
    _ id: String, last seconds: Double, follow: Bool, note: (TailNote) async throws -> Void,
    each: ([UInt8]) async throws -> Void
  ) async throws -> JobStatus {
    try await read(JobCall.Tail(id: id, offset: 0, follow: follow, since: seconds), note, each)
  }

  public func status(_ id: String) async throws -> JobStatus {
    try await connection.call(JobCall.status, JobCall.Named(id: id))
  }

  /// This user's jobs on the host, the newest first.
  public func list() async throws -> [JobStatus] { try await connection.call(JobCall.list, Nothing()) }

  /// Stops everything that the job runs, and returns when it has ended. One that was over already is left as it is.
  @discardableResult
  public func cancel(_ id: String) async throws -> JobStatus {
    try await connection.call(JobCall.cancel, JobCall.Named(id: id))
  }

  /// Notes that what the job pushed was verified under `digest`. Throws for a job that did not succeed.
  @discardableResult
  public func mark(_ id: String, verified digest: Digest) async throws -> JobStatus {
    try await connection.call(JobCall.mark, JobCall.Mark(id: id, verified: true, digest: digest))
  }

  /// Notes that what the job pushed counts as unverified after all.
  @discardableResult
  public func markUnverified(_ id: String) async throws -> JobStatus {
    try await connection.call(JobCall.mark, JobCall.Mark(id: id, verified: false, digest: nil))
  }

  /// Notes that nobody will verify what the job pushed. Throws for a job that waits for no proof.
  @discardableResult
  public func dismiss(_ id: String) async throws -> JobStatus {
    try await connection.call(JobCall.dismiss, JobCall.Named(id: id))
  }

  /// Runs a short command and waits for its end.
  public func run(_ request: CommandRequest) async throws -> CommandResult {
    try await connection.call(JobCall.run, request)
  }

  /// Facts about the host; the free space is that of `path`, or of the home directory.
  public func facts(of path: String? = nil) async throws -> HostFacts {
    try await connection.call(JobCall.facts, JobCall.Facts(path: path))
  }

  private func read(
    _ tail: JobCall.Tail, _ note: (TailNote) async throws -> Void, _ each: ([UInt8]) async throws -> Void
  ) async throws -> JobStatus {
    try await connection.send(FrameConnection.call(JobCall.tail, tail))
    do {
      while let frame = try await connection.receive() {
        switch frame.kind {
        case TailKind.bytes: try await each(frame.payload)
        case TailKind.note: try await note(FrameConnection.decode(TailNote.self, frame.payload))
        case TailKind.end: try await connection.send(Frame(kind: TailKind.stop))
        default: return try FrameConnection.result(frame)
        }
      }
    } catch let failure as ServiceFailure {
      throw failure
    } catch {
      await connection.close()
      throw error
    }
    throw WireError(.truncated, "the agent ended in the middle of a log")
  }
}
