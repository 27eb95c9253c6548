// SPDX-License-Identifier: Apache-2.0

internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A directory on the host that holds one image's context, and keeps its files' inodes and change times from build to
/// build, so that the builder recognises what did not change.
struct Slot {
  private let image: Int32
  private let number: Int
  private let path: String

  /// - Parameter image: the directory of the image's slots; the slot's lock is held.
  init(image: Int32, number: Int, path: String) {
    self.image = image
    self.number = number
    self.path = path
  }

  private var list: [UInt8] { Array("\(number).tree".utf8) }
  private var incoming: [UInt8] { Array("\(number).new".utf8) }

  /// Makes the slot hold exactly `wanted`, times included. Files are copied (or cloned), never linked: a push that
  /// comes during the build changes nothing here.
  func fill(_ wanted: Snapshot, from workspace: HeldDirectory) throws {
    let directory = try Self.open(image, Array("\(number)".utf8), path)
    let root = HeldDirectory(directory)
    try Disk.remove(image, incoming, path)
    let staging = try Self.open(image, incoming, path)
    defer {
      close(staging)
      try? Disk.remove(image, incoming, path)
    }
    let known = Snapshot.load(image, list) ?? .empty
    var remover = try SlotCleaning(wanted, path: path)
    try remover.run(directory)
    try copy(wanted, known, staging, from: HeldDirectory(sharing: workspace), to: HeldDirectory(sharing: root))
    try settleDirectories(wanted, root)
    let writer = try SnapshotWriter(image, list, path: path)
    let now = FileStamp.now()
    let target = HeldDirectory(sharing: root)
    try wanted.visit { item in
      var item = item
      item.stamp = try target.stamp(item.entry.path).flatMap { stamp in
        stamp.kind == .directory || stamp.isSettled(at: now) ? stamp : nil
      }
      try writer.append(item)
    }
    _ = try writer.finish(takenAt: now)
  }

  /// Makes what is missing or not as it was when the slot was filled last.
  private func copy(
    _ wanted: Snapshot, _ known: Snapshot, _ staging: Int32, from source: HeldDirectory, to target: HeldDirectory
  ) throws {
    var reader = SnapshotReader(known)
    var index = 0
    try wanted.visit { item in
      defer { index += 1 }
      let entry = item.entry
      if entry.isDirectory { return try makeDirectory(entry, target) }
      do {
        while let old = try reader.peek(), old.entry.path < entry.path { _ = try reader.next() }
        if let old = try reader.peek(), old.entry == entry, let stamp = old.stamp,
          try target.stamp(entry.path).map({ stamp.isSame(as: $0) }) ?? false
        {
          return
        }
      } catch is WireError {
        // A damaged list: all is copied anew.
        reader = SnapshotReader(.empty)
      }
      try replace(entry, Array("f\(index)".utf8), staging, source, target)
    }
  }

  private func settleDirectories(_ wanted: Snapshot, _ root: HeldDirectory) throws {
    var open: [TreeEntry] = []
    func settle(_ entry: TreeEntry) throws {
      let directory = try root.openDirectory(entry.path.bytes)
      defer { close(directory) }
      try Staging.settle(directory, entry)
    }
    try wanted.visit { item in
      while let last = open.last, !item.entry.path.isBelow(last.path) {
        try settle(last)
        open.removeLast()
      }
      if item.entry.isDirectory { open.append(item.entry) }
    }
    for entry in open.reversed() { try settle(entry) }
  }

  private static func open(_ directory: Int32, _ name: [UInt8], _ path: String) throws -> Int32 {
    guard Disk.withPath(name, { mkdirat(directory, $0, 0o755) }) == 0 || errno == EEXIST else {
      throw SyncError.last("make", path)
    }
    return try Disk.open(directory, name, O_RDONLY | O_DIRECTORY, path: path)
  }

  private func makeDirectory(_ entry: TreeEntry, _ target: HeldDirectory) throws {
    let parent = try target.parent(of: entry.path)
    guard Disk.withPath(entry.path.name, { mkdirat(parent, $0, 0o700) }) == 0 || errno == EEXIST else {
      throw SyncError.last("make the directory", entry.path.description)
    }
  }

  private func replace(
    _ entry: TreeEntry, _ name: [UInt8], _ staging: Int32, _ source: HeldDirectory, _ target: HeldDirectory
  ) throws {
    switch entry.kind {
    case .directory: return
    case .file:
      if let link = entry.link {
        let parent = try target.parent(of: link)
        let result = Disk.withPath(link.name) { link in Disk.withPath(name) { linkat(parent, link, staging, $0, 0) } }
        guard result == 0 else { throw SyncError.last("make the hard link", entry.path.description) }
      } else {
        try Staging.copy(try source.parent(of: entry.path), entry.path.name, staging, name, entry)
      }
    case .symlink(let link):
      let result = Disk.withPath(link) { link in Disk.withPath(name) { symlinkat(link, staging, $0) } }
      guard result == 0 else { throw SyncError.last("make the link", entry.path.description) }
      try Disk.setModified(staging, name, entry.modified, entry.path.description)
    }
    try Disk.rename(staging, name, try target.parent(of: entry.path), entry.path.name, entry.path.description)
  }
}
