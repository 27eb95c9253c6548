// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import SystemPackage
import Vocabulary

@testable import Delivery
@testable import Images
@testable import Registry

/// A registry with releases in it, and laptops that move channels there.
struct ReleaseBench: Sendable {
  let registry: PlainRegistry
  /// The port that laptops talk to; a front's, or the registry's own.
  let port: Int
  let directory: FilePath
  let owner: String
  /// Whether there is a host that gives leases: this machine, by the agent that was built beside the tests.
  var hasLeaseHost = false

  var address: String { "127.0.0.1:\(port)" }

  static func with<Value>(
    _ registry: PlainRegistry, port: Int? = nil, _ body: (ReleaseBench) async throws -> Value
  ) async throws -> Value {
    let name = "shop-\(UUID().uuidString.prefix(8).lowercased())"
    let directory = FilePath(NSTemporaryDirectory()).appending("remote-build-releases-\(name)")
    defer { try? FileManager.default.removeItem(atPath: directory.string) }
    let bench = ReleaseBench(
      registry: registry, port: port ?? registry.port, directory: directory, owner: name)
    try bench.write("work/Dockerfile", "FROM scratch\n")
    try bench.project(["app"])
    return try await body(bench)
  }

  func write(_ path: String, _ text: String) throws {
    let file = directory.pushing(FilePath(path))
    try FileManager.default.createDirectory(
      atPath: file.removingLastComponent().string, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(filePath: file.string))
  }

  func read(_ path: String) throws -> String {
    try String(contentsOfFile: directory.pushing(FilePath(path)).string, encoding: .utf8)
  }

  /// Writes the project file.
  func project(_ images: [String], channel: String? = "stable", version: String = "v1.0.3") throws {
    try write(
      "work/remote-build.yaml",
      """
      registry: {address: "\(address)", insecure: true}
      owner: \(owner)
      version: \(version)
      \(channel.map { "channel: \($0)\n" } ?? "")images:
      \(images.map { "  \($0): {dockerfile: Dockerfile}\n" }.joined())
      """)
  }

  /// What a run did: its status, what was thrown, and all that was told.
  struct Outcome: Sendable {
    var status: Delivery.ExitStatus
    var failure: DeliveryError?
    var events: [DeliveryEvent]

    var planned: [ChannelMove] { events.compactMap { if case .moving(let move) = $0.body { move } else { nil } } }
    var moved: [ChannelMove] { events.compactMap { if case .moved(let move) = $0.body { move } else { nil } } }
    var warnings: [String] {
      events.compactMap { if case .warning(let warning) = $0.body { warning.message } else { nil } }
    }
  }

  typealias Answer = @Sendable () async -> String?

  private func context(_ laptop: String, _ answer: Answer?, _ events: @escaping EventSink) -> RunContext {
    var askLine: (@Sendable (String) async -> String?)?
    if let answer { askLine = { _ in await answer() } }
    var environment = ["HOME": directory.appending(laptop).string, "PATH": "/usr/bin:/bin"]
    // One state directory of the host, whoever asks for it.
    if hasLeaseHost { environment["XDG_STATE_HOME"] = directory.appending("state").string }
    var context = RunContext(
      environment: environment, workingDirectory: directory.appending("work"), agents: directory.appending("agents"),
      owner: "ada@\(laptop)", askSecret: nil,
      askLine: askLine, events: events)
    context.registryPause = .milliseconds(1)
    return context
  }

  private func run(
    _ laptop: String, _ answer: Answer?, _ body: (RunContext) async throws -> Delivery.ExitStatus
  ) async -> Outcome {
    let told = Events()
    do {
      let status = try await body(context(laptop, answer) { told.append($0) })
      return Outcome(status: status, events: told.all)
    } catch {
      let failure = DeliveryError(wrapping: error)
      return Outcome(status: failure.status, failure: failure, events: told.all)
    }
  }

  private final class Events: Sendable {
    private let events = Mutex<[DeliveryEvent]>([])
    var all: [DeliveryEvent] { events.withLock(\.self) }
    func append(_ event: DeliveryEvent) { events.withLock { $0.append(event) } }
  }

  func promote(
    _ images: String..., laptop: String = "one", channel: String? = nil, dry: Bool = false, yes: Bool = true,
    answering answer: Answer? = nil
  ) async -> Outcome {
    let order = ReleaseOrder(images: images, channel: channel, isDry: dry, isAgreed: yes)
    return await run(laptop, answer) {
      try await PromoteRun(context: $0, workspace: nil, selection: HostSelection(), order: order).run()
    }
  }

  func rollback(
    _ images: String..., to: String? = nil, laptop: String = "one", channel: String? = nil, dependents: Bool = false,
    dry: Bool = false, yes: Bool = true, answering answer: Answer? = nil
  ) async -> Outcome {
    let order = ReleaseOrder(
      images: images, channel: channel, target: to, includesDependents: dependents, isDry: dry, isAgreed: yes)
    return await run(laptop, answer) {
      try await RollbackRun(context: $0, workspace: nil, selection: HostSelection(), order: order).run()
    }
  }

  func releases(_ images: String..., laptop: String = "one", limit: Int = 50) async throws -> [ReleaseRow] {
    try await ReleasesRun(
      context: context(laptop, nil) { _ in }, workspace: nil, selection: HostSelection(),
      order: ReleaseOrder(images: images), limit: limit
    ).list().0
  }

  func log(laptop: String = "one") async throws -> [AuditEntry] {
    try await ReleasesRun(
      context: context(laptop, nil) { _ in }, workspace: nil, selection: HostSelection(),
      order: ReleaseOrder(images: [])
    ).log().0
  }

  /// The same with a host in the workspace: an agent on this machine.
  func withLeaseHost() throws -> ReleaseBench {
    var bench = self
    bench.hasLeaseHost = true
    try write("work/hosts/here.yaml", "address: local\nroles: [build]\n")
    let agent = FilePath(ProcessInfo.processInfo.arguments[0]).removingLastComponent().appending("remote-build-agent")
    for platform in ["amd64", "arm64"] {
      let link = directory.appending("agents/linux-\(platform)").string
      try write("agents/.keep", "")
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: agent.string)
    }
    return bench
  }

  // MARK: The registry, seen past the program

  func client() throws -> RegistryClient {
    try RegistryClient(
      address: RegistryAddress("127.0.0.1:\(registry.port)", insecure: true), credentials: AnonymousCredentials())
  }

  func repository(_ image: String) throws -> RepositoryName { try RepositoryName("\(owner)/\(image)") }

  /// The digest under a tag.
  func digest(_ image: String, _ tag: String) async throws -> Digest? {
    try await client().manifest(repository(image), .tag(Tag(tag)))?.digest
  }

  func tags(_ image: String) async throws -> [String] {
    try await client().tags(repository(image)).map(\.description)
  }

  /// Pushes a small image under a tag, as another tool would; with labels as a build by this program has them.
  @discardableResult
  func push(
    _ image: String, _ tag: String, labels: [String: String] = [:], isOurs: Bool = true,
    created: String = "2026-11-23T20:58:00Z"
  ) async throws -> SmallImage {
    var labels = labels
    if isOurs {
      labels["dev.remote-build.build-key"] = Digest.sha256(of: "\(image) \(tag)".utf8).description
      labels["org.opencontainers.image.version"] = tag
    }
    let small = try SmallImage(content: "\(owner) \(image) \(tag)", labels: labels, created: created)
    try await small.push(to: client(), repository(image), .tag(Tag(tag)))
    return small
  }

  /// What the end of a build does to the channel.
  func promoteBuilt(_ image: String, _ tag: String, isStanding: Bool = false, isLate: Bool = false) async -> Outcome {
    await run("one", nil) { context in
      let registry = try RegistryAccess(ProjectRegistry(address: address, isInsecure: true), context: context)
      let release = try await registry.verify(repository: "\(owner)/\(image)", tag: tag)
      try await BuildPromotion(
        image: image, repository: "\(owner)/\(image)", tag: tag, channel: "stable", registry: registry,
        workspace: try LocalWorkspace.open(nil, context: context, needsProject: true), selection: HostSelection(),
        context: context, jobs: ActiveJobs()
      ).run(release, isStanding: isStanding, isLate: isLate, open: nil)
      return .success
    }
  }

  /// Moves a tag, as another tool would.
  func retag(_ image: String, _ from: String, as tag: String) async throws {
    let client = try client()
    let manifest = try await client.manifest(repository(image), .tag(Tag(from)))!
    _ = try await client.putManifest(
      repository(image), .tag(Tag(tag)), bytes: manifest.bytes, mediaType: manifest.mediaType)
  }

  /// The same at once, for a thread that may wait.
  func retagNow(_ image: String, _ small: SmallImage, as tag: String) {
    let done = DispatchSemaphore(value: 0)
    Task {
      _ = try? await client().putManifest(
        repository(image), .tag(Tag(tag)), bytes: small.manifest, mediaType: .ociManifest)
      done.signal()
    }
    done.wait()
  }

  /// Pushes v1.0.1, v1.0.2 and v1.0.3, with tags as three promotions leave them.
  func threeReleases(_ image: String = "app") async throws {
    for (number, tag) in ["v1.0.1", "v1.0.2", "v1.0.3"].enumerated() {
      try await push(image, tag)
      try await retag(image, tag, as: "stable.\(number + 1)")
    }
    try await retag(image, "v1.0.3", as: "stable")
  }
}

/// A small image, made in memory.
struct SmallImage: Sendable {
  let layer: [UInt8]
  let config: [UInt8]
  let manifest: [UInt8]

  var digest: Digest { Digest.sha256(of: manifest) }
  var layerDigest: Digest { Digest.sha256(of: layer) }

  init(
    content: String, labels: [String: String], architecture: String = "amd64", created: String = "2026-11-23T20:58:00Z"
  ) throws {
    layer = Array("layer of \(content)".utf8)
    config = try Self.json([
      "created": created, "architecture": architecture, "os": "linux", "config": ["Labels": labels],
      "rootfs": ["type": "layers", "diff_ids": [Digest.sha256(of: layer).description]],
    ])
    manifest = try Self.json([
      "schemaVersion": 2, "mediaType": MediaType.ociManifest.description,
      "config": Self.descriptor("application/vnd.oci.image.config.v1+json", config),
      "layers": [Self.descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
    ])
  }

  static func json(_ value: [String: Any]) throws -> [UInt8] {
    Array(try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .withoutEscapingSlashes]))
  }

  static func descriptor(_ type: String, _ bytes: [UInt8]) -> [String: Any] {
    ["mediaType": type, "digest": Digest.sha256(of: bytes).description, "size": bytes.count]
  }

  /// Pushes the blobs and, under `reference`, the manifest.
  func push(to client: RegistryClient, _ repository: RepositoryName, _ reference: ManifestReference) async throws {
    for blob in [layer, config] {
      let scope = TokenScope.push(repository)
      let begun = try await client.exchange(.post, "/v2/\(repository)/blobs/uploads/", scope: scope, body: [])
      guard let text = begun.value("Location"), let location = begun.location.resolving(text) else {
        throw await client.failure(begun, "begin an upload")
      }
      let target =
        location.target + (location.target.contains("?") ? "&" : "?")
        + "digest=\(Digest.sha256(of: blob))"
      let headers = [HTTPHeader(name: "Content-Type", value: "application/octet-stream")]
      let done = try await client.exchange(
        HTTPRequest(.put, location.at(target), headers: headers, body: blob), scope: scope)
      guard done.status == 201 else { throw await client.failure(done, "finish an upload") }
    }
    _ = try await client.putManifest(repository, reference, bytes: manifest, mediaType: .ociManifest)
  }
}
