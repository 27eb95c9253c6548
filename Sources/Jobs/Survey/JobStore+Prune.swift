// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
public import Vocabulary

/// Something that was removed from a host, or would be.
public struct PrunedThing: Codable, Hashable, Sendable {
  public var name: String
  public var size: ByteCount

  public init(name: String, size: ByteCount) {
    self.name = name
    self.size = size
  }
}

extension JobStore {
  /// Removes finished jobs with their logs: those beyond the newest `most` that ended longer ago than `age` seconds. One
  /// that is not over, or whose push nobody has verified, stays.
  /// - Returns: what was removed, or would be.
  func prune(keeping most: Int, olderThan age: Double, isDry: Bool) -> [PrunedThing] {
    let limit = secondsSince1970() - max(0, age)
    var removed: [PrunedThing] = []
    for id in identifiers().dropLast(max(0, most)) {
      guard let status = try? status(id), status.isOver, !status.needsProof, (status.ended ?? status.created) <= limit
      else { continue }
      let path = jobs.appending(id)
      removed.append(PrunedThing(name: id, size: TreeSize.of(path)))
      if !isDry { SmallFile.removeTree(path) }
    }
    return removed
  }
}
