// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Batches of bytes that wait to be read, several times perhaps: in memory while they are few, else in a file.
final class Spool: @unchecked Sendable {
  // `@unchecked`: written by one call, and only read after it.
  private var batches: [[UInt8]] = []
  private var held = 0
  private var file: Int32 = -1
  private var lengths: [Int] = []
  private let directory: Int32
  private(set) var bytes = 0

  /// So many bytes stay in memory.
  private static let memory = 4 << 20
  /// The most operations that a peer may send, in bytes.
  static let most = 4 << 30

  /// - Parameter directory: where the file is made that many operations need; must stay open.
  init(_ directory: Int32) { self.directory = directory }

  deinit { if file >= 0 { close(file) } }

  func append(_ batch: [UInt8]) throws {
    bytes += batch.count
    if file < 0 && held + batch.count <= Self.memory {
      held += batch.count
      batches.append(batch)
      return
    }
    if file < 0 {
      let name = Array("spool.\(getpid()).\(UInt64.random(in: 0 ... .max))".utf8)
      file = try Disk.open(directory, name, O_RDWR | O_CREAT | O_EXCL, path: "the list of changes")
      _ = Disk.withPath(name) { unlinkat(directory, $0, 0) }
      for batch in batches { try write(batch) }
      batches = []
    }
    try write(batch)
  }

  private func write(_ batch: [UInt8]) throws {
    try Disk.write(file, batch, "the list of changes")
    lengths.append(batch.count)
  }

  /// Calls `body` for each batch, in order.
  func forEachBatch(_ body: ([UInt8]) throws -> Void) throws {
    for batch in batches { try body(batch) }
    var offset = 0
    for length in lengths {
      try body(try Disk.read(file, at: offset, length, "the list of changes"))
      offset += length
    }
  }

  /// A way through all operations, one by one.
  func cursor() -> Cursor { Cursor(self) }

  struct Cursor {
    private let spool: Spool
    private var index = 0
    private var offset = 0
    private var reader: OperationReader?
    private var peeked: Operation??

    fileprivate init(_ spool: Spool) { self.spool = spool }

    mutating func peek() throws -> Operation? {
      if let peeked { return peeked }
      let operation = try read()
      peeked = .some(operation)
      return operation
    }

    mutating func next() throws -> Operation? {
      if let operation = peeked {
        peeked = nil
        return operation
      }
      return try read()
    }

    private mutating func read() throws -> Operation? {
      while true {
        if let operation = try reader?.next() { return operation }
        guard let batch = try nextBatch() else { return nil }
        reader = OperationReader(batch)
      }
    }

    /// A whole batch, where no operation of the one before is left.
    mutating func nextBatch() throws -> [UInt8]? {
      defer { index += 1 }
      if spool.file < 0 { return index < spool.batches.count ? spool.batches[index] : nil }
      guard index < spool.lengths.count else { return nil }
      defer { offset += spool.lengths[index] }
      return try Disk.read(spool.file, at: offset, spool.lengths[index], "the list of changes")
    }
  }
}
