// SPDX-License-Identifier: Apache-2.0

/// Contents by the stamps that their files had: a file that was renamed, or lies in a directory that was, has the same
/// stamp under another path, and need not be read.
struct StampIndex {
  private var contents: [FileStamp: Content] = [:]

  /// A larger tree's files are read again where they were renamed.
  private static let most = 1 << 18

  /// Blocks. What is damaged of the snapshot, and all after it, is left out.
  init(_ snapshot: Snapshot) {
    guard snapshot.summary.files <= Self.most else { return }
    contents.reserveCapacity(snapshot.summary.files)
    try? snapshot.visit { item in
      if let stamp = item.stamp, let content = item.entry.content { contents[stamp] = content }
    }
  }

  subscript(stamp: FileStamp) -> Content? { contents[stamp] }
}
