// SPDX-License-Identifier: Apache-2.0

/// One step from a tree to the next. Steps are sorted by path, and each path has one at most.
enum Operation: Hashable, Sendable {
  /// The path is to be as the entry says; also where only its times or permissions change. A directory in whose place
  /// something else is put goes with all that is managed below it.
  case put(TreeEntry, Source)
  /// The path is gone on the laptop, and with a directory all that is managed below it, less what is moved away.
  case delete(TreePath)
  /// The path stands on the laptop still, but is not managed any more.
  case forget(TreePath)
  /// The path is gone, and is found again where a put names this number.
  case moveAway(TreePath, UInt64)

  /// How a file comes to its content, or a directory to what is below it.
  enum Source: Hashable, Sendable {
    /// What stands there is as it should be; or there is no content to come to.
    case stays
    /// It arrives from the client. Those that arrive are counted, in the order of the operations, from 0.
    case sent
    /// It is the same as one that arrives.
    case same
    /// It stands on the host under another path, as the base tree says.
    case copied(TreePath)
    /// It is what was moved away under that number; a directory comes with everything in it.
    case moved(UInt64)
  }

  var path: TreePath {
    switch self {
    case .put(let entry, _): entry.path
    case .delete(let path), .forget(let path), .moveAway(let path, _): path
    }
  }
}
