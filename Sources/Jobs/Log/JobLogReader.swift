// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// Reads a job's log on from a byte, across its pieces, while it grows and while its oldest pieces go.
final class JobLogReader {
  enum Part: Hashable {
    case bytes([UInt8])
    /// What stood before this byte is gone.
    case skipped(to: UInt64)
  }

  /// The number of the next byte.
  private(set) var offset: UInt64
  private let log: JobLog
  private var open: (piece: JobLog.Piece, file: FileDescriptor)?

  init(_ log: JobLog, at offset: UInt64) {
    self.log = log
    self.offset = offset
  }

  deinit { try? open?.file.close() }

  /// What comes next; `nil` when there is no more now. Throws `Errno`.
  func next(upTo limit: Int) throws -> Part? {
    while true {
      guard let open else {
        if let part = try find() { return part }
        guard self.open != nil else { return nil }
        continue
      }
      if let bytes = try read(open, limit) { return .bytes(bytes) }
      guard let successor = try log.pieces().first(where: { $0.start > open.piece.start }) else { return nil }
      // It may have been written to between the two looks.
      if offset < successor.start, let bytes = try read(open, limit) { return .bytes(bytes) }
      try open.file.close()
      self.open = nil
      // The pieces between are gone, for this one was read after it had gone itself.
      if offset < successor.start {
        offset = successor.start
        return .skipped(to: offset)
      }
    }
  }

  /// Opens the piece that has the next byte; leaves all as it is where there is none.
  private func find() throws -> Part? {
    let pieces = try log.pieces()
    guard let first = pieces.first else { return nil }
    guard let piece = pieces.last(where: { $0.start <= offset }) else {
      offset = first.start
      return .skipped(to: offset)
    }
    do {
      open = (piece, try FileDescriptor.open(piece.path, .readOnly, options: [.closeOnExec, .noFollow]))
    } catch Errno.noSuchFileOrDirectory {
      // It went between the two looks; there is always a later one.
      return try find()
    }
    return nil
  }

  private func read(_ open: (piece: JobLog.Piece, file: FileDescriptor), _ limit: Int) throws -> [UInt8]? {
    let bytes = try [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      count = try open.file.read(
        fromAbsoluteOffset: Int64(clamping: offset - open.piece.start), into: UnsafeMutableRawBufferPointer(buffer))
    }
    offset += UInt64(bytes.count)
    return bytes.isEmpty ? nil : bytes
  }
}
