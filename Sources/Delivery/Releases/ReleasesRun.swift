// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Jobs
internal import Registry
public import SystemPackage
internal import Vocabulary

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// `remote-build releases [IMAGE…]`: what stands in the registry, and whether it is still whole. It asks the registry
/// alone, so that every laptop sees the same; only who it was comes from the audit logs.
public struct ReleasesRun: Sendable {
  let context: RunContext
  let named: FilePath?
  let selection: HostSelection
  let order: ReleaseOrder
  /// The most releases of an image that are looked at, the newest by their versions.
  let limit: Int

  /// How many releases are looked at side by side: each asks for all its layers, eight at a time.
  private static let width = 4

  public init(
    context: RunContext, workspace: FilePath?, selection: HostSelection, order: ReleaseOrder, limit: Int = 50
  ) {
    self.context = context.hinting(selection, workspace, order)
    named = workspace
    self.selection = selection
    self.order = order
    self.limit = max(1, limit)
  }

  /// The releases of each image, the newest version first. An image whose registry cannot be asked is emitted, and in the
  /// status.
  public func list() async throws -> ([ReleaseRow], ExitStatus) {
    let workspace = try LocalWorkspace.open(named, context: context, needsProject: false)
    let scope = ReleaseScope(workspace, order, context)
    let channel = try scope.channel()
    let entries = (try? AuditLog(context: context).entries()) ?? []
    var rows: [ReleaseRow] = []
    var statuses: [ExitStatus] = []
    for image in try scope.named() {
      do {
        rows += try await self.rows(image, channel, entries)
      } catch {
        let failure = DeliveryError(error, host: nil)
        context.emit(.failed(failure))
        statuses.append(failure.status)
      }
    }
    return (rows, ExitStatus.worst(statuses))
  }

  /// The audit logs of this laptop and of the hosts, merged, the oldest entry first.
  public func log() async throws -> ([AuditEntry], ExitStatus) {
    let workspace = try LocalWorkspace.open(named, context: context, needsProject: false)
    let inventory = try Fleet.inventory(of: workspace, context: context)
    var entries = Set(try AuditLog(context: context).entries())
    let hosts =
      selection.names.isEmpty && !selection.all
      ? try ReleaseLease.hosts(inventory, selection)
      : try HostChoice(inventory: inventory, selection: selection).hosts()
    let fleet = await Fleet.connect(
      hosts, workspace: workspace, selection: selection, context: context, isAnnounced: false)
    let logs = await Fleet.each(fleet.sessions.map { ($0.name, $0) }, context: context) { try await $0.auditLog() }
    await fleet.close()
    for log in logs.values { entries.formUnion((try? log.get()) ?? []) }
    let names = order.images.isEmpty ? nil : Set(order.images)
    let found = entries.filter { entry in
      names.map { $0.contains(String(entry.image.split(separator: "/").last ?? "")) || $0.contains(entry.image) }
        ?? true
    }
    let failures = fleet.failures.values + logs.values.compactMap(\.failure)
    return (found.sorted { ($0.time, $0.id) < ($1.time, $1.id) }, ExitStatus.worst(failures.map(\.status)))
  }

  private func rows(
    _ named: ReleaseScope.Named, _ channel: String?, _ entries: [AuditEntry]
  ) async throws -> [ReleaseRow] {
    let repository = named.repository
    try await repository.registry.check(repository: repository.repository)
    let tags = ReleaseTags(try await repository.registry.tags(repository.repository), channel: channel)
    // What channels and their histories stand on is asked first: it is little, and says which releases matter.
    let moving = tags.channels + tags.history.suffix(ReleaseRepository.longestHistory)
    let digests = try await repository.bounded(moving) { tag in
      try await repository.registry.client.manifestHead(
        RepositoryName(repository.repository), .tag(Tag(tag)))?.digest
    }
    let standing = zip(moving, digests).compactMap { tag, digest in digest.map { (tag: tag, digest: $0) } }
    var wanted = tags.releases
    if let tag = named.reference.map(\.description) { wanted = wanted.filter { $0 == tag } }
    if wanted.count > limit {
      context.warn("\(repository.name) has \(wanted.count) releases; the newest \(limit) are listed (--limit)")
      wanted = Array(wanted.prefix(limit))
    }
    var rows = try await repository.bounded(wanted, width: Self.width) { try await self.row($0, repository) }
    if named.reference == nil {
      var known = Set(rows.compactMap(\.digest))
      // Of what has lost its version's tag, the newest tag of the history is the name.
      let nameless = standing.reversed().filter { known.insert($0.digest).inserted }.map(\.tag)
      rows += try await repository.bounded(Array(nameless.prefix(limit)), width: Self.width) {
        try await self.row($0, repository)
      }
    }
    for index in rows.indices {
      let on = standing.filter { $0.digest == rows[index].digest }.map(\.tag)
      rows[index].channels = on.filter(tags.channels.contains)
      rows[index].history = on.filter { !tags.channels.contains($0) }
      rows[index].by =
        entries.last { entry in
          entry.to == rows[index].digest && entry.image == repository.name && entry.result == .done
        }?.who
    }
    return rows
  }

  private func row(_ tag: String, _ repository: ReleaseRepository) async throws -> ReleaseRow {
    var row = ReleaseRow(
      image: repository.image, tag: tag, reference: "\(repository.name):\(tag)", platforms: [], channels: [],
      history: [], isWhole: false, problems: [])
    let reference = ManifestReference.tag(try Tag(tag))
    var labels: [String: String] = [:]
    switch try await repository.registry.soundness(repository.repository, reference) {
    case .whole(let image):
      (row.isWhole, row.digest, row.platforms, row.size) = (true, image.digest, image.platforms, image.totalSize)
      row.created = image.created.map { Date(timeIntervalSince1970: Double($0.secondsSinceEpoch)) }
      labels = image.labels
    case .broken(let problems):
      row.problems = Array(problems.prefix(16))
      if let manifest = try? await repository.registry.manifest(repository.repository, reference) {
        row.digest = manifest.digest
        labels = try await repository.registry.labels(repository.repository, manifest)
      }
    }
    func label(_ name: String) -> String? { labels["org.opencontainers.image.\(name)"].map { String($0.prefix(300)) } }
    row.created =
      row.created
      ?? label("created").flatMap { Timestamp($0) }.map { Date(timeIntervalSince1970: Double($0.secondsSinceEpoch)) }
    row.base = label("base.name")
    row.baseDigest = label("base.digest").flatMap { Digest($0) }
    row.revision = label("revision")
    row.tree = labels[ImageLabels.treeDigestName].flatMap { Digest($0) }
    row.buildKey = labels[ImageLabels.buildKeyName].flatMap { Digest($0) }
    return row
  }
}

/// A repository's tags by what they are for.
struct ReleaseTags: Sendable {
  /// Tags that move: the project's channel, and every tag that has a history.
  let channels: [String]
  /// Tags of the channels' histories, the oldest first within each.
  let history: [String]
  /// All others, the newest version first.
  let releases: [String]

  init(_ tags: [String], channel: String?) {
    let all = Set(tags)
    var channels = channel.map { all.contains($0) ? [$0] : [] } ?? []
    var names = Set([channel].compactMap(\.self))
    for tag in tags where tag.hasSuffix(".1") {
      let name = String(tag.dropLast(2))
      // `v1.0` may be a moving tag too, but `v1.0.1` is a version and not its history.
      guard all.contains(name), !VersionOrder.isVersion(name), names.insert(name).inserted else { continue }
      channels.append(name)
    }
    var history: [(name: String, number: Int, tag: String)] = []
    for tag in tags {
      guard let dot = tag.lastIndex(of: "."), names.contains(String(tag[..<dot])),
        let number = ChannelHistory.number(of: tag, in: String(tag[..<dot]))
      else { continue }
      history.append((String(tag[..<dot]), number, tag))
    }
    self.channels = channels
    self.history = history.sorted { ($0.name, $0.number) < ($1.name, $1.number) }.map(\.tag)
    let moving = Set(channels + self.history)
    releases = tags.filter { !moving.contains($0) }.sorted {
      let versions = (VersionOrder.isVersion($0), VersionOrder.isVersion($1))
      return versions.0 == versions.1 ? VersionOrder.areInIncreasingOrder($1, $0) : versions.0
    }
  }
}

extension HostSession {
  /// What the host's audit log holds.
  func auditLog() async throws -> [AuditEntry] {
    try await ReleaseClient(agent).audit().compactMap { AuditEntry(line: $0) }
  }
}
