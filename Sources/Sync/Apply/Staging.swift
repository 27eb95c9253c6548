// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Vocabulary
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What a push brings, before it is moved into place: files under the workspace's `.remote-build/staging`, each
/// verified against its digest.
final class Staging: @unchecked Sendable {
  // `@unchecked`: used by one call, which awaits each step on a worker thread.
  private struct Expected {
    var size: UInt64
    /// The first entry with this content: its file gets that one's permissions and time at once.
    var entry: TreeEntry
  }

  let descriptor: Int32
  private let workspace: AgentWorkspace
  private var expected: [Digest: Expected]
  private var open: (descriptor: Int32, digest: Digest, hasher: DigestHasher, size: UInt64)?

  static let directory = "staging"

  /// - Parameter contents: the entries that need content which the host does not have, one for each content.
  init(_ workspace: AgentWorkspace, contents: [TreeEntry]) throws {
    self.workspace = workspace
    expected = [:]
    for entry in contents {
      guard let content = entry.content else { continue }
      expected[content.digest] = Expected(size: content.size, entry: entry)
    }
    try Disk.remove(workspace.state, Array(Self.directory.utf8), "staging")
    descriptor = try workspace.openState(Self.directory)
  }

  deinit {
    if let open { close(open.descriptor) }
    close(descriptor)
    // What cannot be removed now goes when the next push begins.
    try? Disk.remove(workspace.state, Array(Self.directory.utf8), "staging")
  }

  static func name(_ digest: Digest) -> [UInt8] { Array("c\(digest.hex)".utf8) }

  /// Writes one frame's pieces. Throws ``Refusal/digestMismatch`` for content that was not announced, or is other than
  /// its digest says.
  func receive(_ payload: [UInt8]) throws {
    for piece in try Pack.decode(payload) {
      guard let wanted = expected[piece.digest] else {
        throw Refusal.digestMismatch.failure("the client sent content \(piece.digest.short) that no file needs")
      }
      var current: (descriptor: Int32, digest: Digest, hasher: DigestHasher, size: UInt64)
      if let open {
        guard open.digest == piece.digest else {
          throw Refusal.digestMismatch.failure("content \(open.digest.short) ended after \(open.size) bytes")
        }
        current = open
      } else {
        let file = try Disk.open(
          descriptor, Self.name(piece.digest), O_WRONLY | O_CREAT | O_EXCL, path: wanted.entry.path.description)
        current = (file, piece.digest, DigestHasher(), 0)
        open = current
      }
      try Disk.write(current.descriptor, piece.bytes, wanted.entry.path.description)
      piece.bytes.withUnsafeBytes { current.hasher.update($0) }
      current.size += UInt64(piece.bytes.count)
      open = current
      guard current.size <= wanted.size else {
        throw Refusal.digestMismatch.failure("\(wanted.entry.path) has more bytes than were announced")
      }
      if current.size == wanted.size { try finish(wanted, current.hasher) }
    }
  }

  private func finish(_ wanted: Expected, _ hasher: DigestHasher) throws {
    guard let finished = open else { return }
    open = nil
    defer { close(finished.descriptor) }
    guard hasher.finish() == finished.digest else {
      throw Refusal.digestMismatch.failure("\(wanted.entry.path) arrived with another content than was announced")
    }
    try Self.settle(finished.descriptor, wanted.entry)
    expected[finished.digest] = nil
  }

  /// Throws unless all content is there.
  func expectComplete() throws {
    guard expected.isEmpty, open == nil else {
      throw Refusal.digestMismatch.failure("\(expected.count) announced contents did not arrive")
    }
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
    let target = try Disk.open(to, name, O_RDWR | O_CREAT | O_EXCL, path: path)
    defer { close(target) }
    var content: Content
    if rb_clone_file(target, source) == 0 {
      content = try Disk.content(target, path)
    } else {
      var hasher = DigestHasher()
      var size: UInt64 = 0
      while true {
        let bytes = try Disk.read(source, 256 << 10, path)
        if bytes.isEmpty { break }
        hasher.update(bytes)
        size += UInt64(bytes.count)
        try Disk.write(target, bytes, path)
      }
      content = Content(digest: hasher.finish(), size: size)
    }
    guard content == entry.content else {
      throw Refusal.treeChanged.failure(
        "\(path) changed on the host while it was copied there. Run the same command again", details: ["paths": [path]])
    }
    try settle(target, entry)
  }
}
