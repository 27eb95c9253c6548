// SPDX-License-Identifier: Apache-2.0

public import SystemPackage
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Reads a workspace into a ``Scan``.
public struct WorkspaceScanner: Sendable {
  private let root: FilePath
  private let contexts: [ImageContext]
  private let cacheFile: FilePath?

  /// - Parameters:
  ///   - root: the workspace's directory.
  ///   - contexts: the images' contexts; with none, the whole workspace by its own `.dockerignore`.
  ///   - cacheFile: where the stat cache lives, and beside it the chunk lists; its directory must exist. `nil`:
  ///     everything is read.
  public init(root: FilePath, contexts: [ImageContext], cacheFile: FilePath?) {
    self.root = root
    self.contexts = contexts
    self.cacheFile = cacheFile
  }

  /// Walks the workspace and reads what changed since the stat cache was written.
  ///
  /// Throws ``SyncError``: `unreadable` for a directory or file that cannot be read, `badPattern`, `badContext`, `io`.
  /// Files that vanish meanwhile, and sockets and devices, are warnings.
  public func scan() async throws -> Scan {
    try await Threads.run { try scanNow() }
  }

  private func scanNow() throws -> Scan {
    let top = open(root.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard top >= 0 else { throw SyncError.last("read the workspace", root.string).asUnreadable }
    defer { close(top) }
    let files = IgnoreFiles(top: top, root: root)
    let digesters = try contexts.map { context in
      ContextDigester(context, try ContextSelection(context) { try files.contents($0) })
    }
    let place = try CachePlace(cacheFile)
    defer { close(place.directory) }
    let collector = try TreeCollector(top: top, root: root, place: place, digesters: digesters)
    let key = try files.selectionKey(contexts)
    var walk = Walk(selection: try files.selection(contexts), root: root)
    if try !collector.update(key) {
      try walk.visit(top) { try collector.take($0) }
    }
    let isWhole = !walk.wentBeyond && walk.warnings.isEmpty
    let (snapshot, parts) = try collector.finish(selection: isWhole ? key : nil)
    return Scan(
      snapshot: snapshot, chunks: place.chunks, packs: PackShares(), root: root, contextDigests: parts,
      warnings: walk.warnings + collector.warnings, filesHashed: collector.filesHashed,
      bytesHashed: ByteCount(collector.bytesHashed), isNew: collector.isNew)
  }
}

/// Where a scan finds what the one before it left, and leaves its own.
struct CachePlace {
  /// Open for as long as the scan lasts.
  let directory: Int32
  /// `nil`: nothing is left.
  let name: [UInt8]?
  let path: String
  let chunks: ChunkStore?

  init(_ file: FilePath?) throws {
    guard let file, let last = file.lastComponent else {
      // Without a cache the tree is in a nameless file all the same.
      let scratch = try Scratch()
      directory = fcntl(scratch.descriptor, F_DUPFD_CLOEXEC, 0)
      name = nil
      path = "the tree"
      chunks = nil
      return
    }
    let parent = file.removingLastComponent()
    directory = try Disk.open(
      AT_FDCWD, Array((parent.isEmpty ? "." : parent.string).utf8), O_RDONLY | O_DIRECTORY, path: parent.string)
    name = Array(last.string.utf8)
    path = file.string
    do {
      chunks = try ChunkStore(directory, Array("\(last.string).chunks".utf8), path: "\(file.string).chunks")
    } catch {
      close(directory)
      throw error
    }
  }
}

extension SyncError {
  /// The same as a reason not to push at all: what cannot be read must not look deleted.
  var asUnreadable: SyncError {
    SyncError(
      .unreadable,
      "\(message). Nothing was sent and nothing on the host was touched. Make it readable, or name it "
        + "in .dockerignore or .remoteignore", path: path, systemError: systemError)
  }
}
