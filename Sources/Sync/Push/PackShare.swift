// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import SystemPackage
internal import Vocabulary

/// Packs that several pushes of one scan need alike: read and compressed once, and sent to each host in its own time.
///
/// A window of the newest packs is kept. A host that falls further behind reads by itself, so a slow one holds up no
/// other and costs no memory.
actor PackShare {
  typealias Packed = (payload: [UInt8], bytes: Int)

  private let reader: ContentReader
  private var window: [Packed] = []
  /// The number of the first pack in the window.
  private var first = 0
  private var isAtEnd = false
  /// How many packs were made.
  var made: Int { first + window.count }
  private var making: Task<Void, any Error>?

  /// Packs of about 1 MiB each.
  private static let width = 16

  init(root: FilePath, plan: PushPlan) { reader = ContentReader(root: root, plan: plan) }

  enum Answer: Sendable {
    case pack(Packed)
    case end
    /// The pack is not kept any more.
    case missed
  }

  /// Pack number `index`, made now where nobody has asked for it yet.
  func pack(_ index: Int) async throws -> Answer {
    while true {
      if index < first { return .missed }
      if index < first + window.count { return .pack(window[index - first]) }
      if isAtEnd { return .end }
      try await makeNext()
    }
  }

  /// Returns once the next pack is in the window, or there is none; those who ask meanwhile wait for the same one.
  private func makeNext() async throws {
    let task = making ?? Task { try await makeOne() }
    making = task
    try await task.value
  }

  private func makeOne() async throws {
    defer { making = nil }
    guard let pack = try await reader.nextPack() else {
      isAtEnd = true
      return
    }
    window.append(pack)
    if window.count > Self.width {
      window.removeFirst()
      first += 1
    }
  }
}

/// The shares of one scan, by what is sent.
final class PackShares: Sendable {
  private let shares = Mutex<[Digest: PackShare]>([:])

  init() {}

  /// How many packs were made for them in all.
  var made: Int {
    get async {
      var count = 0
      for share in shares.withLock({ Array($0.values) }) { count += await share.made }
      return count
    }
  }

  /// The share of all pushes that send what this plan does.
  func share(for plan: PushPlan) -> PackShare {
    shares.withLock { shares in
      if let share = shares[plan.contentsKey] { return share }
      let share = PackShare(root: plan.scan.root, plan: plan)
      shares[plan.contentsKey] = share
      return share
    }
  }
}

/// What one push sends, from the share as long as that serves.
final class PackSource: @unchecked Sendable {
  // `@unchecked`: used by one task, which awaits each call before the next one.
  private let plan: PushPlan
  private let share: PackShare
  private var own: ContentReader?
  private var index = 0
  /// What the host has of an attempt before: nobody else leaves that out.
  private(set) var held = HeldContents()
  private let isBulk: Bool

  /// - Parameter isBulk: whether big files are left to other channels.
  init(_ plan: PushPlan, isBulk: Bool) {
    self.plan = plan
    self.isBulk = isBulk
    share = plan.scan.packs.share(for: plan)
    if isBulk { readAlone() }
  }

  /// Takes what the host says that it holds. What was sent before may be sent once more; it is little.
  func decodeHeld(_ payload: [UInt8]) throws {
    try held.decode(payload)
    if let own { own.held = held } else { readAlone() }
  }

  func next() async throws -> PackShare.Packed? {
    if own == nil {
      switch try await share.pack(index) {
      case .pack(let pack):
        index += 1
        return pack
      case .end: return nil
      case .missed:
        readAlone()
        // Packs are cut alike by every reader, so those that were sent can be left out by their number.
        for _ in 0..<index { _ = try await own?.nextPack() }
      }
    }
    guard let own else { return nil }
    return try await own.nextPack()
  }

  private func readAlone() {
    let reader = ContentReader(root: plan.scan.root, plan: plan)
    reader.held = held
    reader.skipsDivided = isBulk
    own = reader
  }
}
