// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// Writes operations as batches of bytes of bounded size. A path gives only what differs from the path before it in
/// the batch.
struct OperationWriter {
  private(set) var batches: [[UInt8]] = []
  private var encoder = MessageEncoder()
  private var previous: [UInt8] = []
  private let limit: Int

  static let batchSize = 512 << 10

  init(_ operations: some Sequence<Operation>) { self.init(operations, batchSize: Self.batchSize) }

  private init(_ operations: some Sequence<Operation>, batchSize: Int) {
    limit = batchSize
    for operation in operations { add(operation) }
    if !encoder.bytes.isEmpty { batches.append(encoder.bytes) }
  }

  /// All operations as one batch.
  static func single(_ operations: some Sequence<Operation>) -> [UInt8] {
    OperationWriter(operations, batchSize: .max).batches.first ?? []
  }

  private mutating func add(_ operation: Operation) {
    switch operation {
    case .delete: encoder.write(byte: 0)
    case .forget: encoder.write(byte: 1)
    case .put(let entry):
      switch entry.kind {
      case .file: encoder.write(byte: 2)
      case .directory: encoder.write(byte: 3)
      case .symlink: encoder.write(byte: 4)
      }
    }
    let path = operation.path.bytes
    var shared = 0
    while shared < min(path.count, previous.count) && path[shared] == previous[shared] { shared += 1 }
    encoder.write(UInt64(shared))
    encoder.write(Array(path[shared...]))
    previous = path
    if case .put(let entry) = operation {
      encoder.write(UInt64(entry.permissions))
      encoder.write(signed: entry.modified)
      switch entry.kind {
      case .file(let content):
        encoder.write(content.size)
        encoder.write(content.digest)
      case .directory: break
      case .symlink(let target): encoder.write(target)
      }
    }
    if encoder.bytes.count >= limit {
      batches.append(encoder.bytes)
      encoder = MessageEncoder()
      previous = []
    }
  }
}

/// Reads one batch. Throws `WireError` for what is malformed, ``SyncError`` with `badTree` for a path that is refused.
func readOperations(_ batch: [UInt8]) throws -> [Operation] {
  var decoder = MessageDecoder(batch)
  var operations: [Operation] = []
  var previous: [UInt8] = []
  while !decoder.isAtEnd {
    let tag = try decoder.readByte()
    let shared = try decoder.readUInt()
    guard shared <= UInt64(previous.count) else { throw WireError(.malformed, "a path shares more than there is") }
    let bytes = try previous[..<Int(shared)] + decoder.readBytes()
    let path = try TreePath(Array(bytes))
    previous = path.bytes
    switch tag {
    case 0: operations.append(.delete(path))
    case 1: operations.append(.forget(path))
    case 2, 3, 4:
      let permissions = try decoder.readUInt()
      guard permissions <= 0o777 else { throw WireError(.malformed, "permission bits \(permissions)") }
      let modified = try decoder.readInt()
      let kind: TreeEntry.Kind
      if tag == 2 {
        let size = try decoder.readUInt()
        guard size <= UInt64(Int64.max) else { throw WireError(.malformed, "a file of \(size) bytes") }
        kind = .file(Content(digest: try decoder.readDigest(), size: size))
      } else if tag == 3 {
        kind = .directory
      } else {
        let target = try decoder.readBytes()
        guard !target.isEmpty, target.count < 4096, !target.contains(0) else {
          throw SyncError(.badTree, "a symbolic link without a usable target: \(path)", path: path.description)
        }
        kind = .symlink(target)
      }
      operations.append(
        .put(TreeEntry(path: path, kind: kind, permissions: UInt16(permissions), modified: modified)))
    default: throw WireError(.malformed, "an operation of kind \(tag)")
    }
  }
  return operations
}
