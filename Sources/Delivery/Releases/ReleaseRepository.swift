// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Registry
internal import Vocabulary

/// One image's repository, with its releases and channels, as the registry tells them.
struct ReleaseRepository: Sendable {
  /// The image's name, as the command line says it.
  var image: String
  /// `owner/name`.
  var repository: String
  var registry: RegistryAccess

  /// `registry/owner/name`.
  var name: String { "\(registry.address)/\(repository)" }

  /// How many entries of a history are read, the newest: a rollback goes back no further.
  static let longestHistory = 100
  /// How many questions are under way at a time.
  static let width = 8

  /// A channel as it stands, with the manifests that its moves are made of.
  struct Channel: Sendable {
    var name: String
    var history: ChannelHistory
    /// What the channel's own tag stands on.
    var current: Manifest?
    /// All tags of the repository.
    var tags: [String]
    /// Tags of the history by what they stand on; of several, the newest.
    var historyTags: [Digest: String]
    /// Tags of the history that stand on nothing that can be read.
    var unreadable: [String]
  }

  func channel(_ name: String) async throws -> Channel {
    let tags = try await registry.tags(repository)
    let numbers = tags.compactMap { ChannelHistory.number(of: $0, in: name) }.sorted().suffix(Self.longestHistory)
    let found = try await bounded(Array(numbers)) { number in try await self.digest(ChannelHistory.tag(name, number)) }
    var entries: [ChannelHistory.Entry] = []
    var unreadable: [String] = []
    for (number, digest) in zip(numbers, found) {
      if let digest {
        entries.append(.init(number: number, digest: digest))
      } else {
        unreadable.append(ChannelHistory.tag(name, number))
      }
    }
    let current = try await registry.manifest(repository, .tag(Tag(name)))
    return Channel(
      name: name, history: ChannelHistory(entries: entries, current: current?.digest), current: current, tags: tags,
      historyTags: Dictionary(entries.map { ($0.digest, ChannelHistory.tag(name, $0.number)) }) { $1 },
      unreadable: unreadable)
  }

  /// What a tag of the history stands on; `nil` where that is gone or cannot be read.
  private func digest(_ tag: String) async throws -> Digest? {
    do {
      return try await registry.manifest(repository, .tag(Tag(tag)))?.digest
    } catch let error as RegistryError where [.protocolViolation, .tooLarge].contains(error.code) {
      return nil
    }
  }

  /// A release under a tag or digest, and whether it is whole.
  struct Found: Sendable {
    var place: ChannelMove.Place
    var manifest: Manifest
    var soundness: RegistryAccess.Soundness

    var isBuiltHere: Bool {
      if case .whole(let image) = soundness { image.labels[ImageLabels.buildKeyName] != nil } else { false }
    }
    var problems: [String] { if case .broken(let problems) = soundness { problems } else { [] } }
  }

  /// Looks a release up by a tag; `nil` where there is none.
  func find(_ reference: ManifestReference, in channel: Channel) async throws -> Found? {
    guard let manifest = try await registry.manifest(repository, reference) else { return nil }
    let soundness = try await registry.soundness(repository, reference, is: manifest.digest)
    var place = ChannelMove.Place(digest: manifest.digest, tag: nil)
    if case .tag(let tag) = reference, tag.description != channel.name,
      ChannelHistory.number(of: tag.description, in: channel.name) == nil
    {
      place.tag = tag.description
    } else {
      place.tag = try await tag(of: manifest.digest, soundness, in: channel)
    }
    return Found(place: place, manifest: manifest, soundness: soundness)
  }

  /// Looks a release of a channel's history up. Asked for by its tag there, since some registries forget digests that no
  /// tag holds.
  func find(_ digest: Digest, in channel: Channel) async throws -> Found? {
    let tag = digest == channel.current?.digest ? channel.name : channel.historyTags[digest]
    return try await find(tag.map { .tag(try Tag($0)) } ?? .digest(digest), in: channel)
  }

  /// The tag by which people know a release: its version's, by its label; else a version's tag that stands on it; else one
  /// of the history.
  private func tag(
    of digest: Digest, _ soundness: RegistryAccess.Soundness, in channel: Channel
  ) async throws -> String? {
    var likely: [String] = []
    if case .whole(let image) = soundness, let version = image.labels["org.opencontainers.image.version"],
      channel.tags.contains(version)
    {
      likely = [version]
    }
    let versions = channel.tags.filter { VersionOrder.isVersion($0) && !likely.contains($0) }
      .sorted { VersionOrder.areInIncreasingOrder($1, $0) }
    for tags in [likely, Array(versions.prefix(50))] {
      let found = try await bounded(tags) { tag in
        try await registry.client.manifestHead(RepositoryName(repository), .tag(Tag(tag)))?.digest == digest ? tag : nil
      }
      if let tag = found.compactMap(\.self).first { return tag }
    }
    return channel.historyTags[digest]
  }

  /// Asks a question for each value, a few at a time, and keeps the order.
  func bounded<Value: Sendable, Answer: Sendable>(
    _ values: [Value], width: Int = ReleaseRepository.width, _ ask: @escaping @Sendable (Value) async throws -> Answer
  ) async throws -> [Answer] {
    try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
      var answers: [Answer?] = Array(repeating: nil, count: values.count)
      var waiting = values.enumerated().makeIterator()
      func startNext() {
        guard let (index, value) = waiting.next() else { return }
        group.addTask { (index, try await ask(value)) }
      }
      for _ in 0..<width { startNext() }
      while let (index, answer) = try await group.next() {
        answers[index] = answer
        startNext()
      }
      return answers.compactMap(\.self)
    }
  }
}
