// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The agent's side of `sync.bulk`: takes chunks of big files that another agent of the same user puts together. It
/// answers once, at the end; what may be under way before is the channel's own window.
struct BulkService {
  private let parameters: BulkParameters
  private let connection: FrameConnection

  init(_ parameters: BulkParameters, _ connection: FrameConnection) {
    self.parameters = parameters
    self.connection = connection
  }

  func run() async throws -> Nothing {
    var failure: ServiceFailure?
    let parameters = parameters
    let receiver = try await Threads.run { try ChunkReceiver(parameters.workspace) }
    while let frame = try await connection.receive() {
      switch frame.kind {
      case PushKind.contents:
        // After a failure the rest is read all the same, since the client is in the middle of sending it.
        guard failure == nil else { continue }
        let payload = frame.payload
        do {
          try await Threads.run { try receiver.receive(payload) }
        } catch {
          let refused = Refusal.failure(from: error, workspace: parameters.workspace)
          guard let refused = refused as? ServiceFailure else { throw refused }
          failure = refused
        }
      case PushKind.turn:
        if let failure { throw failure }
        return Nothing()
      default: throw WireError(.malformed, "a frame of kind \(frame.kind) among contents")
      }
    }
    throw WireError(.truncated, "the client ended in the middle of a push")
  }
}

/// Writes chunks into files that another agent has begun, each once its bytes have their digest.
private final class ChunkReceiver: @unchecked Sendable {
  // `@unchecked`: used by one call, which awaits each step on a worker thread.
  private let workspace: AgentWorkspace.Shared
  private var files: [Digest: Partial] = [:]

  /// A file under way.
  private final class Partial {
    let file: Int32
    let log: Int32
    let chunks: ChunkList
    let offsets: [Int]

    init(_ digest: Digest, _ workspace: AgentWorkspace.Shared) throws {
      // The list may not make more of the file than the other agent made room for.
      guard let stamp = try Disk.stamp(workspace.staging, Staging.partial(digest)),
        let chunks = workspace.chunks.load(Content(digest: digest, size: UInt64(clamping: stamp.size)))
      else {
        throw Refusal.digestMismatch.failure("a chunk came of a file \(digest.short) that nobody announced")
      }
      self.chunks = chunks
      offsets = chunks.offsets
      file = try Disk.open(workspace.staging, Staging.partial(digest), O_WRONLY, path: "a staged file")
      do {
        log = try Disk.open(workspace.staging, Staging.log(digest), O_WRONLY | O_APPEND, path: "a staged file")
      } catch {
        close(file)
        throw error
      }
    }

    deinit {
      close(file)
      close(log)
    }
  }

  init(_ path: String) throws { workspace = try AgentWorkspace.Shared(path) }

  func receive(_ payload: [UInt8]) throws {
    for piece in try Unpacker.pieces(payload) {
      guard case .chunk(let digest, let index) = piece.place else {
        throw Refusal.digestMismatch.failure("a whole content came where chunks belong")
      }
      let partial = try files[digest] ?? Partial(digest, workspace)
      files[digest] = partial
      guard index < partial.offsets.count else {
        throw Refusal.digestMismatch.failure("a file \(digest.short) has no chunk \(index)")
      }
      try Staging.write(
        piece.bytes, partial.chunks.chunks[index], index, at: partial.offsets[index], partial.file, partial.log,
        "a staged file")
    }
  }
}
