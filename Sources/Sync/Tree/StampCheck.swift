// SPDX-License-Identifier: Apache-2.0

internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Asks of every entry of a snapshot whether the path has the stamp still: the whole scan, where nothing changed. It
/// makes no values of the entries, and lists no directory.
final class StampCheck {
  enum Finding: Hashable, Sendable {
    case same
    /// The entries with these numbers are files that changed; all else is the same.
    case files([Int])
    /// Something else changed, or more than is worth telling.
    case other
  }

  private let reader: RecordSkimmer
  /// The open directories above the entry at hand: the length of each one's path, and a descriptor once there is one.
  private var open: [(length: Int, descriptor: Int32)]
  private var changed: [Int] = []
  private let checksDirectories: Bool

  private static let mostChanged = 1024

  /// - Parameters:
  ///   - top: the tree's root, held open.
  ///   - checksDirectories: whether a directory must have its whole stamp still, so that nothing came or went in it;
  ///     else its kind and permissions do.
  init(_ snapshot: Snapshot, top: Int32, checksDirectories: Bool) {
    reader = RecordSkimmer(snapshot)
    open = [(0, top)]
    self.checksDirectories = checksDirectories
  }

  deinit { for (_, descriptor) in open.dropFirst() where descriptor >= 0 { close(descriptor) } }

  /// Blocks. Throws `WireError` where the snapshot is damaged, ``SyncError`` where the system refuses.
  func run() throws -> Finding {
    var number = 0
    while let record = try reader.next() {
      while let last = open.last, open.count > 1, !record.isBelow(last.length) { leave() }
      guard record.parentLength == open[open.count - 1].length else {
        throw WireError(.malformed, "a snapshot is damaged")
      }
      var status = stat()
      guard let directory = try openParent(record) else { return .other }
      guard record.withName({ fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else {
        guard errno == ENOENT || errno == ENOTDIR else { throw SyncError.last("look at", record.text) }
        return .other
      }
      // Whether further names are still of one file is for others to say.
      if record.hasLink && !checksDirectories { return .other }
      let stamp = FileStamp(status)
      guard let known = record.stamp, checksDirectories ? known == stamp : known.isSame(as: stamp) else {
        // A file of several names needs a look at all of them.
        guard !record.isDirectory, stamp.kind == .file, status.st_nlink == 1, !record.hasLink,
          changed.count < Self.mostChanged
        else { return .other }
        changed.append(number)
        number += 1
        continue
      }
      if record.isDirectory { open.append((record.length, -1)) }
      number += 1
    }
    return changed.isEmpty ? .same : .files(changed)
  }

  private func leave() {
    let (_, descriptor) = open.removeLast()
    if descriptor >= 0 { close(descriptor) }
  }

  /// The directory above a record, opened when its first entry is asked for; `nil` where it is none any more.
  private func openParent(_ record: RecordSkimmer.Record) throws -> Int32? {
    var index = open.count - 1
    while open[index].descriptor < 0 { index -= 1 }
    while index < open.count - 1 {
      let descriptor = record.withPart(from: open[index].length, to: open[index + 1].length) {
        openat(open[index].descriptor, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      }
      guard descriptor >= 0 else {
        guard [ENOENT, ENOTDIR, ELOOP].contains(errno) else { throw SyncError.last("open", record.text) }
        return nil
      }
      index += 1
      open[index].descriptor = descriptor
    }
    return open[index].descriptor
  }
}
