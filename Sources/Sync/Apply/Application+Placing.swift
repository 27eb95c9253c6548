// SPDX-License-Identifier: Apache-2.0

internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Moving away and into place.
extension Application {
  /// Takes what is found again elsewhere out of its old place.
  func moveAway() throws {
    var changes = Changes(plan.before, plan.steps)
    while let change = try changes.next() {
      guard case .moveAway(let item, let number) = change else { continue }
      let (path, name) = (item.entry.path, Staging.away(number))
      let now = try sourceSide.stamp(path)
      if isResumed {
        guard try Disk.stamp(staging.descriptor, name) == nil, let now, now.inode == item.stamp?.inode else { continue }
      } else {
        guard let now, var known = item.stamp else { throw Self.changed(path) }
        // Opened for the time of the push.
        if known.kind == .directory { known.mode |= now.mode & 0o700 }
        guard now.isSame(as: known) else { throw Self.changed(path) }
      }
      try Disk.rename(try sourceSide.parent(of: path), path.name, staging.descriptor, name, path.description)
      if item.entry.isDirectory { forget() }
    }
    forget()
  }

  private static func changed(_ path: TreePath) -> any Error {
    Refusal.treeChanged.failure(
      "\(path) changed on the host during the push. Some paths are new already, the others old; run the same command "
        + "again", details: ["paths": [path.description]])
  }

  /// Makes a path what its entry says.
  func put(_ entry: TreeEntry, _ source: Operation.Source, _ index: Int) throws {
    switch (entry.kind, source) {
    case (.directory, .moved(let number)):
      try place(Staging.away(number), entry, index)
      forget()
    case (.directory, _): try makeDirectory(entry, index)
    case (.symlink, _): try place(Staging.step(index), entry, index)
    case (.file(let content), _):
      if let link = entry.link {
        try makeLink(entry, to: link, index)
        return
      }
      switch source {
      case .stays: try settleInPlace(entry)
      case .sent: try place(Staging.content(content.digest), entry, index)
      case .same, .copied: try place(Staging.step(index), entry, index)
      case .moved(let number):
        try place(Staging.away(number), entry, index)
        try settleInPlace(entry)
      }
    }
  }

  /// Moves what is staged under a name to where it belongs, in the place of whatever stands there.
  private func place(_ name: [UInt8], _ entry: TreeEntry, _ index: Int) throws {
    let parent = try targetSide.parent(of: entry.path)
    let path = entry.path.description
    if isResumed, try hasMadeWay(name, entry) {
      // The two have changed places already, and must not do so again.
      try Disk.rename(staging.descriptor, name, staging.descriptor, Staging.cleared(index), path)
      return
    }
    do {
      try Disk.rename(staging.descriptor, name, parent, entry.path.name, path)
    } catch let error as SyncError {
      switch error.systemError {
      case ENOENT where isResumed:
        guard let stamp = try targetSide.stamp(entry.path), stamp.matches(entry) else { throw error }
      case EISDIR, ENOTDIR, ENOTEMPTY, EEXIST:
        try makeWay(name, entry, parent, index)
        forget()
      default: throw error
      }
    }
  }

  /// Whether an entry stands in its place, and under its staged name what stood there before.
  private func hasMadeWay(_ name: [UInt8], _ entry: TreeEntry) throws -> Bool {
    guard let staged = try Disk.stamp(staging.descriptor, name), let stamp = try targetSide.stamp(entry.path) else {
      return false
    }
    return (staged.kind == .directory) != entry.isDirectory && stamp.matches(entry)
  }

  /// Where a directory stands in the place of something else, or something else in a directory's.
  private func makeWay(_ name: [UInt8], _ entry: TreeEntry, _ parent: Int32, _ index: Int) throws {
    let path = entry.path.description
    do {
      try Disk.exchange(staging.descriptor, name, parent, entry.path.name, path)
      try Disk.rename(staging.descriptor, name, staging.descriptor, Staging.cleared(index), path)
    } catch let error as SyncError where error.systemError == EINVAL || error.systemError == ENOSYS {
      try Disk.rename(parent, entry.path.name, staging.descriptor, Staging.cleared(index), path)
      try Disk.rename(staging.descriptor, name, parent, entry.path.name, path)
    }
  }

  private func makeDirectory(_ entry: TreeEntry, _ index: Int) throws {
    let parent = try targetSide.parent(of: entry.path)
    if try Disk.stamp(parent, entry.path.name)?.kind == .directory { return }
    let name = Staging.step(index)
    // Staged, unless one stood here when the push began.
    guard Disk.withPath(name, { mkdirat(staging.descriptor, $0, 0o700) }) == 0 || errno == EEXIST else {
      throw SyncError.last("make the directory", entry.path.description)
    }
    try place(name, entry, index)
  }

  private func makeLink(_ entry: TreeEntry, to link: TreePath, _ index: Int) throws {
    let name = Staging.step(index)
    let path = entry.path.description
    try Disk.remove(staging.descriptor, name, "staging")
    let parent = try sourceSide.parent(of: link)
    let result = Disk.withPath(link.name) { link in
      Disk.withPath(name) { linkat(parent, link, staging.descriptor, $0, 0) }
    }
    guard result == 0 else { throw SyncError.last("make the hard link", path) }
    try place(name, entry, index)
    // Where both are one file already, the move did nothing.
    _ = Disk.withPath(name) { unlinkat(staging.descriptor, $0, 0) }
    try settleInPlace(entry)
  }

  /// Permissions and time of a file that stands in its place already.
  private func settleInPlace(_ entry: TreeEntry) throws {
    let parent = try targetSide.parent(of: entry.path)
    let path = entry.path.description
    let file: Int32
    do {
      file = try Disk.open(parent, entry.path.name, O_RDONLY | O_NONBLOCK, path: path)
    } catch {
      file = try Disk.open(parent, entry.path.name, O_WRONLY | O_NONBLOCK, path: path)
    }
    defer { close(file) }
    try Staging.settle(file, entry)
  }
}
