// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// What `remote-build prune` removes, or would remove, of one kind on one host.
public struct PruneRow: Codable, Sendable, Hashable {
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// Agents of other versions, on a host.
    case agents
    /// Finished jobs and their logs.
    case jobs
    /// Slots of images that `remote-build.yaml` has no more.
    case slots
    /// What syncs kept aside before they overwrote it.
    case saved
    /// Older releases, and images that lost their tag.
    case images
    /// The builder's cache beyond the budget.
    case cache
    /// On this machine: plans and logs of builds.
    case records
    /// On this machine: trees that hosts acknowledged.
    case trees
  }

  /// `nil` for this machine's own state.
  public var host: String?
  public var kind: Kind
  public var count: Int
  /// What it takes on the disk; of images at most, since they share layers.
  public var size: ByteCount
  /// Whether it is gone; otherwise it would be.
  public var isDone: Bool
  public var names: [String]
  /// What was left, and why.
  public var note: String?

  private enum CodingKeys: String, CodingKey {
    case host, kind, count, size
    case isDone = "done"
    case names, note
  }

  init(_ kind: Kind, names: [String], size: ByteCount, isDone: Bool, note: String? = nil) {
    self.kind = kind
    count = names.count
    self.size = size
    self.isDone = isDone
    self.names = names
    self.note = note
  }

  func on(_ host: String?) -> PruneRow {
    var row = self
    row.host = host
    return row
  }

  /// Whether there is something to say of it.
  var isWorthTelling: Bool { count > 0 || size > .zero || note != nil }
}

/// What `prune` leaves.
public struct PruneLimits: Sendable {
  /// How many releases of each image stay on a host.
  public var releases: Int
  /// What the builder's cache may take.
  public var cache: ByteCount
  /// Jobs, records, trees and saved files younger than so many days stay.
  public var days: Int

  public init(releases: Int = 3, cache: ByteCount = ByteCount(10_000_000_000), days: Int = 14) {
    self.releases = max(1, releases)
    self.cache = cache
    self.days = max(0, days)
  }

  var seconds: Double { Double(days) * 86_400 }
}
