// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// Appends to a job's log and keeps it within its bound. There is one a job: its supervisor's.
final class JobLogWriter {
  private let log: JobLog
  /// Of one piece, in bytes.
  private let pieceSize: Int
  private var pieces: [JobLog.Piece]
  private var file: FileDescriptor
  private var size = 0
  private var times: JobLogTimes
  private var isAtLineStart = true

  /// Throws `Errno`.
  /// - Parameter limit: what the log may have at most, in bytes.
  init(_ log: JobLog, limit: Int) throws {
    self.log = log
    pieceSize = max(JobLog.leastLimit, limit) / JobLog.mostPieces
    pieces = [log.piece(at: 0)]
    file = try Self.open(pieces[0])
    times = JobLogTimes(log.times)
  }

  deinit { try? file.close() }

  /// Throws `Errno`; what could not be written is lost, and all that comes after it must not be appended.
  func append(_ bytes: UnsafeRawBufferPointer) throws {
    guard !bytes.isEmpty else { return }
    if isAtLineStart { times.note(pieces.last!.start + UInt64(size), at: secondsSince1970()) }
    isAtLineStart = bytes[bytes.count - 1] == UInt8(ascii: "\n")
    var rest = bytes[...]
    while !rest.isEmpty {
      if size == pieceSize { try begin() }
      let part = rest.prefix(pieceSize - size)
      try file.writeAll(UnsafeRawBufferPointer(rebasing: part))
      size += part.count
      rest = rest.dropFirst(part.count)
    }
  }

  /// Begins a new piece; the oldest makes room for it first, so that the bound holds at every moment.
  private func begin() throws {
    let next = log.piece(at: pieces.last!.start + UInt64(size))
    while pieces.count >= JobLog.mostPieces { SmallFile.removeTree(pieces.removeFirst().path) }
    let file = try Self.open(next)
    try? self.file.close()
    self.file = file
    pieces.append(next)
    size = 0
  }

  private static func open(_ piece: JobLog.Piece) throws -> FileDescriptor {
    try FileDescriptor.open(
      piece.path, .writeOnly, options: [.create, .append, .closeOnExec, .noFollow], permissions: .ownerReadWrite)
  }
}
