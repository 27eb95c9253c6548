// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Vocabulary

@testable import Sync

/// What each path of a tree holds: its kind, and a file's content or a link's target. Permissions and times, which
/// change by steps of their own, are not in it.
struct PathStates {
  let states: [[UInt8]: String]

  init(_ root: String) throws {
    let tree = RawTree(root: root)
    var states: [[UInt8]: String] = [:]
    for place in try tree.places(isIncluded: { $0 != TreePath.stateDirectory }) {
      switch place.kind {
      case .directory: states[place.path] = "a directory"
      case .symlink:
        states[place.path] = "a link to \(TreePath.text(try Disk.target(AT_FDCWD, tree.full(place.path), "")))"
      default: states[place.path] = "a file \(Digest.sha256(of: try tree.bytes(place.path)))"
      }
    }
    self.states = states
  }

  /// The paths that hold neither what they held before nor what they are to hold.
  func torn(from old: PathStates, to new: PathStates) -> [String] {
    Set(states.keys).union(old.states.keys).union(new.states.keys).compactMap { path in
      let state = states[path]
      if state == old.states[path] || state == new.states[path] { return nil }
      return "\(TreePath.text(path).debugDescription) holds \(state ?? "nothing"), held "
        + "\(old.states[path] ?? "nothing"), is to hold \(new.states[path] ?? "nothing")"
    }.sorted()
  }
}
