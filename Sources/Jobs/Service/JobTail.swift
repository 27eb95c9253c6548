// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Wire

/// Sends a job's log from a byte offset on, as it grows, until the job ends or the client has enough.
struct JobTail {
  let job: JobDirectory
  let connection: FrameConnection

  private static let chunk = 256 << 10

  func run(_ tail: JobCall.Tail) async throws -> JobStatus {
    _ = try job.stored()
    let watch = try JobWatch(job)
    let log = try ServiceFailure.wrapping("cannot read the log of job \(job.id)") {
      try FileDescriptor.open(job.log, .readOnly, options: [.closeOnExec])
    }
    defer { try? log.close() }
    // Under way all along: it ends with the client's stop, or when the client is gone.
    let client = Task {
      defer { watch.stop() }
      return try await connection.receive()
    }
    do {
      let status = try await send(tail, from: log, watch)
      try await connection.send(Frame(kind: TailKind.end))
      guard let frame = try await client.value else { throw WireError(.closed, "the client is gone") }
      guard frame.kind == TailKind.stop else {
        throw WireError(.malformed, "a frame of kind \(frame.kind) during a tail")
      }
      return status
    } catch {
      client.cancel()
      throw error
    }
  }

  private func send(_ tail: JobCall.Tail, from log: FileDescriptor, _ watch: JobWatch) async throws -> JobStatus {
    var offset = tail.offset
    while true {
      // Read before the log, so that once it says the job is over the log is whole.
      let status = try job.status()
      while let bytes = try read(log, at: offset) {
        try await connection.send(Frame(kind: TailKind.bytes, payload: bytes))
        offset += UInt64(bytes.count)
      }
      if status.isOver || !tail.follow { return status }
      guard await watch.wait(status) else { return status }
    }
  }

  private func read(_ log: FileDescriptor, at offset: UInt64) throws -> [UInt8]? {
    let bytes = try [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, count in
      count = try log.read(fromAbsoluteOffset: Int64(clamping: offset), into: UnsafeMutableRawBufferPointer(buffer))
    }
    return bytes.isEmpty ? nil : bytes
  }
}
