// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// Writes operations as batches of bytes of bounded size. A path gives only what differs from the path before it in
/// the batch.
struct OperationWriter {
  private var encoder = MessageEncoder()
  private var previous: [UInt8] = []
  private let emit: ([UInt8]) throws -> Void

  /// A batch is cut when it has so many bytes; the operation that reaches them still belongs to it.
  static let batchSize = 256 << 10

  /// - Parameter emit: takes each batch as it is full.
  init(_ emit: @escaping ([UInt8]) throws -> Void) { self.emit = emit }

  /// All operations as one batch.
  static func single(_ operations: some Sequence<Operation>) -> [UInt8] {
    var writer = OperationWriter { _ in }
    for operation in operations { writer.encode(operation) }
    return writer.encoder.bytes
  }

  mutating func write(_ operation: Operation) throws {
    encode(operation)
    if encoder.bytes.count >= Self.batchSize { try finish() }
  }

  /// Hands on what was not handed on yet.
  mutating func finish() throws {
    guard !encoder.bytes.isEmpty else { return }
    try emit(encoder.bytes)
    encoder = MessageEncoder()
    previous = []
  }

  private mutating func encode(_ operation: Operation) {
    encoder.write(byte: Self.tag(operation))
    let path = operation.path.bytes
    let shared = TreeOrder.common(path, previous)
    encoder.write(UInt64(shared))
    encoder.write(Array(path[shared...]))
    previous = path
    switch operation {
    case .delete, .forget: break
    case .moveAway(_, let number): encoder.write(number)
    case .put(let entry, let source):
      encoder.write(UInt64(entry.permissions))
      encoder.write(signed: entry.modified)
      switch entry.kind {
      case .file(let content):
        encoder.write(content.size)
        encoder.write(content.digest)
        if let link = entry.link { encoder.write(link.bytes) } else { encode(source) }
      case .directory: encode(source)
      case .symlink(let target): encoder.write(target)
      }
    }
  }

  private mutating func encode(_ source: Operation.Source) {
    switch source {
    case .stays: encoder.write(byte: 0)
    case .sent: encoder.write(byte: 1)
    case .same: encoder.write(byte: 2)
    case .copied(let path):
      encoder.write(byte: 3)
      encoder.write(path.bytes)
    case .moved(let number):
      encoder.write(byte: 4)
      encoder.write(number)
    }
  }

  private static func tag(_ operation: Operation) -> UInt8 {
    switch operation {
    case .delete: 0
    case .forget: 1
    case .moveAway: 2
    case .put(let entry, _):
      switch entry.kind {
      case .file: entry.link == nil ? 3 : 6
      case .directory: 4
      case .symlink: 5
      }
    }
  }
}

/// Reads one batch, operation by operation.
struct OperationReader {
  private var decoder: MessageDecoder
  private var previous: [UInt8] = []

  init(_ batch: [UInt8]) { decoder = MessageDecoder(batch) }

  /// All operations of a batch.
  static func all(_ batch: [UInt8]) throws -> [Operation] {
    var reader = OperationReader(batch)
    var operations: [Operation] = []
    while let operation = try reader.next() { operations.append(operation) }
    return operations
  }

  /// The next operation; `nil` at the end. Throws `WireError` for what is malformed, ``SyncError`` with `badTree` for a
  /// path that is refused.
  mutating func next() throws -> Operation? {
    if decoder.isAtEnd { return nil }
    let tag = try decoder.readByte()
    let shared = try decoder.readUInt()
    guard shared <= UInt64(previous.count) else { throw WireError(.malformed, "a path shares more than there is") }
    let path = try TreePath(previous[..<Int(shared)] + decoder.readBytes())
    previous = path.bytes
    switch tag {
    case 0: return .delete(path)
    case 1: return .forget(path)
    case 2: return .moveAway(path, try decoder.readUInt())
    case 3...6: return try put(path, tag)
    default: throw WireError(.malformed, "an operation of kind \(tag)")
    }
  }

  private mutating func put(_ path: TreePath, _ tag: UInt8) throws -> Operation {
    let permissions = try decoder.readUInt()
    guard permissions <= 0o7777 else { throw WireError(.malformed, "permission bits \(permissions)") }
    let modified = try decoder.readInt()
    var source = Operation.Source.stays
    let kind: TreeEntry.Kind
    var link: TreePath?
    switch tag {
    case 3, 6:
      let size = try decoder.readUInt()
      guard size <= UInt64(Int64.max) else { throw WireError(.malformed, "a file of \(size) bytes") }
      kind = .file(Content(digest: try decoder.readDigest(), size: size))
      if tag == 6 { link = try TreePath(try decoder.readBytes()) } else { source = try readSource() }
    case 4:
      kind = .directory
      source = try readSource()
      if case .moved = source {} else if source != .stays { throw WireError(.malformed, "a directory's source") }
    default:
      let target = try decoder.readBytes()
      guard !target.isEmpty, target.count < 4096, !target.contains(0) else {
        throw SyncError(.badTree, "a symbolic link without a usable target: \(path)", path: path.description)
      }
      kind = .symlink(target)
    }
    let entry = TreeEntry(
      path: path, kind: kind, permissions: UInt16(permissions), modified: modified, link: link)
    return .put(entry, source)
  }

  private mutating func readSource() throws -> Operation.Source {
    switch try decoder.readByte() {
    case 0: return .stays
    case 1: return .sent
    case 2: return .same
    case 3: return .copied(try TreePath(try decoder.readBytes()))
    case 4: return .moved(try decoder.readUInt())
    case let other: throw WireError(.malformed, "a source of kind \(other)")
    }
  }
}
