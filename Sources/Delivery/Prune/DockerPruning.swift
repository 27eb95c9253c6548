// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Jobs
internal import Vocabulary

/// Removes what a host's Docker holds of ours and no longer needs, by Docker's own commands: it refuses what is in use.
struct DockerPruning: Sendable {
  let session: HostSession
  let docker: String
  /// What is known of the workspace and its registry; its `used` is filled in here.
  let choice: ImagePruning
  let limits: PruneLimits

  private func run(_ words: [String], timeout: Duration = .seconds(60)) async throws -> CommandResult {
    try await session.run([docker] + words, timeout: timeout)
  }

  private func lines(_ words: [String]) async throws -> [String] {
    let result = try await run(words)
    guard result.succeeded else {
      throw DeliveryError(
        .unavailable, host: session.name,
        "docker \(words.prefix(2).joined(separator: " ")): \(result.lastErrorLine ?? "failed")")
    }
    return result.stdout.split(separator: "\n").map(String.init)
  }

  // MARK: Images

  func images(isDry: Bool) async throws -> PruneRow {
    let label = "label=\(ImageLabels.buildKeyName)"
    let ids = Array(Set(try await lines(["image", "ls", "--no-trunc", "--quiet", "--filter", label]))).sorted()
    var choice = choice
    choice.used = try await usedImages()
    var listed: [ImagePruning.Listed] = []
    for start in stride(from: 0, to: ids.count, by: 50) {
      let some = Array(ids[start..<min(start + 50, ids.count)])
      for line in try await lines(["image", "inspect", "--format", "{{json .}}"] + some) {
        listed.append(try DockerJSON.decode(ImagePruning.Listed.self, line.utf8))
      }
    }
    var (names, size, refused) = ([String](), ByteCount.zero, [String]())
    for image in choice.choose(listed) {
      let name = image.references[0]
      if !isDry {
        // Without --force: what a container stands on is refused.
        let result = try await run(["image", "rm", "--"] + image.references)
        guard result.succeeded else {
          refused.append("\(name): \(result.lastErrorLine ?? "refused")")
          continue
        }
        if !image.digests.isEmpty { _ = try await run(["image", "rm", "--"] + image.digests) }
      }
      names.append(name)
      size += image.size
    }
    let note = refused.first.map { "\(refused.count) left: \($0)" }
    return PruneRow(.images, names: names, size: size, isDone: !isDry, note: note)
  }

  /// What containers were made of, those that stopped among them.
  private func usedImages() async throws -> Set<String> {
    let containers = try await lines(["ps", "--all", "--quiet", "--no-trunc"])
    guard !containers.isEmpty else { return [] }
    return Set(try await lines(["inspect", "--format", "{{.Image}}"] + containers.prefix(1000)))
  }

  // MARK: Cache

  func cache(isDry: Bool) async throws -> PruneRow {
    struct Usage: Decodable {
      var type: String
      var size: String
    }
    let usage = try await lines(["system", "df", "--format", "{{json .}}"]).compactMap {
      try? DockerJSON.decode(Usage.self, $0.utf8)
    }
    let size = usage.first { $0.type == "Build Cache" }.flatMap { ByteCount($0.size) } ?? .zero
    let excess = ByteCount(max(0, size.bytes - limits.cache.bytes))
    guard excess > .zero else { return PruneRow(.cache, names: [], size: .zero, isDone: !isDry) }
    let name = "of \(size), down to \(limits.cache)"
    guard !isDry else { return PruneRow(.cache, names: [name], size: excess, isDone: false) }
    let result = try await run(
      ["builder", "prune", "--force", "--keep-storage", "\(limits.cache.bytes)"], timeout: .seconds(600))
    guard result.succeeded else {
      throw DeliveryError(
        .unavailable, host: session.name, "docker builder prune: \(result.lastErrorLine ?? "failed")",
        leftBehind: "the cache is as it was, or smaller")
    }
    return PruneRow(.cache, names: [name], size: Self.total(result.stdout) ?? .zero, isDone: true)
  }

  /// `Total reclaimed space: 1.2GB`, or `Total:\t1.2GB` of newer clients.
  static func total(_ text: String) -> ByteCount? {
    let line = text.split(separator: "\n").last { $0.hasPrefix("Total") }
    return line.flatMap { $0.split(separator: ":").last }.flatMap { ByteCount(String($0.filter { !$0.isWhitespace })) }
  }
}
