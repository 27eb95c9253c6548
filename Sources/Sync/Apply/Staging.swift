// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What a push brings, before it is moved into place: `.remote-build/staging`. What arrived whole, or a chunk at a
/// time, survives a push that breaks off, and is not sent again.
///
/// Names: `c` and a digest, a content that is whole; `p`, a divided one that is not; `h`, which of its chunks are there;
/// `f` and a step's number, what a path will be; `m` and a number, what was moved away; `x`, what made way.
final class Staging: Sendable {
  let descriptor: Int32
  private let workspace: AgentWorkspace
  /// Whether something was here before.
  let isResumed: Bool

  static let directory = Array("staging".utf8)

  init(_ workspace: AgentWorkspace) throws {
    self.workspace = workspace
    descriptor = try workspace.openState("staging")
    isResumed = try !Disk.names(descriptor, "staging").isEmpty
  }

  deinit { close(descriptor) }

  /// Removes it with all that is in it. What cannot be removed now goes after a later push.
  func remove() { try? Disk.remove(workspace.state, Self.directory, "staging") }

  static func content(_ digest: Digest) -> [UInt8] { Array("c\(digest.hex)".utf8) }
  static func partial(_ digest: Digest) -> [UInt8] { Array("p\(digest.hex)".utf8) }
  static func log(_ digest: Digest) -> [UInt8] { Array("h\(digest.hex)".utf8) }
  static func step(_ number: Int) -> [UInt8] { Array("f\(number)".utf8) }
  static func away(_ number: UInt64) -> [UInt8] { Array("m\(number)".utf8) }
  static func cleared(_ number: Int) -> [UInt8] { Array("x\(number)".utf8) }

  /// Whether an entry's content is here whole, verified anew and settled anew: it may be from before a crash, or have
  /// been for another path.
  func holds(_ content: Content, for entry: TreeEntry) throws -> Bool {
    let name = Self.content(content.digest)
    guard let stamp = try Disk.stamp(descriptor, name), stamp.kind == .file else { return false }
    if stamp.size == Int64(content.size) {
      let file = try Disk.open(descriptor, name, O_RDONLY | O_NONBLOCK, path: "a staged file")
      defer { close(file) }
      if try ContentHasher.read(file, "a staged file").content == content {
        try Self.settle(file, entry)
        return true
      }
    }
    try Disk.remove(descriptor, name, "a staged file")
    return false
  }

  /// Writes a whole content that was verified, settled for the path that gets it.
  func put(_ bytes: ArraySlice<UInt8>, _ entry: TreeEntry, _ digest: Digest) throws {
    let name = Self.content(digest)
    let path = entry.path.description
    let file: Int32
    do {
      file = try Disk.open(descriptor, name, O_WRONLY | O_CREAT | O_EXCL, path: path)
    } catch let error as SyncError where error.systemError == EEXIST {
      try Disk.remove(descriptor, name, path)
      file = try Disk.open(descriptor, name, O_WRONLY | O_CREAT | O_EXCL, path: path)
    }
    defer { close(file) }
    do {
      try Disk.write(file, bytes, path)
      try Self.settle(file, entry)
    } catch {
      _ = Disk.withPath(name) { unlinkat(descriptor, $0, 0) }
      throw error
    }
  }

  /// Writes a chunk into its place in a file, once its bytes have their digest, and then notes that it is there.
  static func write(
    _ bytes: ArraySlice<UInt8>, _ chunk: ChunkList.Chunk, _ index: Int, at offset: Int, _ file: Int32, _ log: Int32,
    _ path: String
  ) throws {
    guard bytes.count == chunk.length, Digest.sha256(of: bytes) == chunk.digest else {
      throw Refusal.digestMismatch.failure("\(path) arrived with another content than was announced")
    }
    // The file is a hole where nothing was written.
    if !chunk.isZeros { try bytes.withUnsafeBytes { try Disk.write(file, at: offset, $0, path) } }
    try Disk.write(log, (0..<4).map { UInt8(truncatingIfNeeded: index >> (8 * $0)) }, path)
  }

  /// Gives an open file an entry's permissions and time.
  static func settle(_ file: Int32, _ entry: TreeEntry) throws {
    guard fchmod(file, mode_t(entry.permissions)) == 0 else {
      throw SyncError.last("set the permissions of", entry.path.description)
    }
    try Disk.setModified(file, entry.modified, entry.path.description)
  }

  /// Makes `name` here a copy of a file, for `entry`, sharing blocks where the filesystem can. Throws
  /// ``Refusal/treeChanged`` where the copy has not the entry's content.
  func copy(_ source: Int32, _ sourceName: [UInt8], to name: [UInt8], for entry: TreeEntry) throws {
    try Self.copy(source, sourceName, descriptor, name, entry)
  }

  static func copy(_ from: Int32, _ sourceName: [UInt8], _ to: Int32, _ name: [UInt8], _ entry: TreeEntry) throws {
    let path = entry.path.description
    let source = try Disk.open(from, sourceName, O_RDONLY | O_NONBLOCK, path: path)
    defer { close(source) }
    try Disk.remove(to, name, path)
    let target = try Disk.open(to, name, O_RDWR | O_CREAT | O_EXCL, path: path)
    defer { close(target) }
    if rb_clone_file(target, source) != 0 { try Disk.copy(source, target, path) }
    guard try ContentHasher.read(target, path).content == entry.content else {
      throw Refusal.treeChanged.failure(
        "\(path) changed on the host while it was copied there. Run the same command again", details: ["paths": [path]])
    }
    try settle(target, entry)
  }
}
