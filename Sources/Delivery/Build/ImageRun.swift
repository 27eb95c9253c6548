// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Jobs
internal import Registry
internal import SystemPackage
internal import Vocabulary

/// One image's part of a run: chooses who builds, has it built, pushed and verified, and pulled by the others.
struct ImageRun: Sendable {
  let task: ImageTask
  /// The hosts that this image concerns, in order.
  let hosts: [String]
  /// Whether they were named, by the command line or the image: then each shall end up with the image.
  let isNamed: Bool
  let fleet: Fleet
  let order: BuildOrder
  let context: RunContext
  let jobs: ActiveJobs

  /// A host that can build: its session, and the builder found there.
  struct Candidate: Sendable {
    var session: HostSession
    var docker: DockerBuilder
    var name: String { session.name }
  }

  /// Runs to the end; what goes wrong is emitted, and in the status. A release may stand though a host failed.
  func run() async -> (status: ExitStatus, hasRelease: Bool) {
    let clock = ContinuousClock()
    let start = clock.now
    var table = ResultTable(hosts: hosts, failures: fleet.failures)
    var outcome: ImageBuild.Outcome?
    do {
      outcome = try await build(&table, clock)
    } catch {
      let failure = DeliveryError(error, host: nil)
      context.emit(.failed(failure), host: failure.host)
      table.fail(failure, seconds: start.duration(to: clock.now).seconds)
    }
    context.emit(
      .finished(
        .init(
          image: task.image.name, status: table.status, seconds: start.duration(to: clock.now).seconds,
          reference: task.reference, digest: outcome?.release.digest, record: outcome?.record?.directory.string,
          hosts: table.results)))
    return (table.status, outcome != nil)
  }

  private func build(_ table: inout ResultTable, _ clock: ContinuousClock) async throws -> ImageBuild.Outcome? {
    let start = clock.now
    let candidates = await candidates(&table)
    // Every host has said by itself why it cannot build.
    guard let builder = await warmest(candidates) else { return nil }
    let registry = try RegistryAccess(task.registry, context: context)
    try await registry.check(repository: task.repository)
    let others = candidates.filter { $0.name != builder.name }
    let build = ImageBuild(
      task: task, builder: builder, registry: registry, order: order, context: context, jobs: jobs
    )
    // A version that is refused is refused before anything is built anywhere.
    let judged = try await build.judge(pullsOn: isNamed && !order.buildsOnEach ? others.map(\.name) : [])
    async let building = order.buildsOnEach && judged.standing == nil ? buildOnly(others, registry) : [:]
    let result: Result<ImageBuild.Outcome, any Error>
    do { result = .success(try await build.carryOut(judged)) } catch { result = .failure(error) }
    for (host, built) in await building {
      switch built {
      case .success(let seconds): table.set(host, .built, "built, not pushed", seconds: seconds)
      case .failure(let failure): table.fail(failure)
      }
    }
    let outcome = try result.get()
    table.set(
      builder.name, outcome.isStanding ? .standing : .built, outcome.summary,
      seconds: start.duration(to: clock.now).seconds)
    // Nobody asked for the image on a host that was not named, so one that is off is no failure of the run.
    if !isNamed { table.excuse(allBut: builder.name) }
    if isNamed && !order.buildsOnEach {
      // A release that stands need not be on any of the hosts yet.
      let pulling = outcome.isStanding ? candidates : others
      let pulls = ImagePull(
        reference: task.reference, repository: task.name, digest: outcome.release.digest, registry: registry,
        context: context)
      for other in pulling where other.session.platform != builder.session.platform {
        table.fail(
          DeliveryError(
            .usage, host: other.name,
            "the image is for \(builder.session.platform), and the host is \(other.session.platform)"))
      }
      let fit = pulling.filter { $0.session.platform == builder.session.platform }
      for (host, result) in await pulls.run(on: fit) {
        switch result {
        case .success(let pulled):
          table.set(host, host == builder.name ? .standing : .pulled, pulled.summary, seconds: pulled.seconds)
        case .failure(let failure): table.fail(failure)
        }
      }
    }
    return outcome
  }

  /// The hosts of this image that stand and have a builder; the others are noted with their reason.
  private func candidates(_ table: inout ResultTable) async -> [Candidate] {
    let sessions = fleet.sessions.filter { hosts.contains($0.name) }
    let found = await Fleet.each(sessions.map { ($0.name, $0) }, context: context) { session in
      let platforms = task.image.platforms
      guard platforms.isEmpty || platforms.contains(session.platform) else {
        throw DeliveryError(
          .usage, host: session.name,
          "\(task.image.name) is for \(platforms.map(\.description).joined(separator: ", ")), and the host is \(session.platform)",
          leftBehind: "nothing was built there", next: ["name a host of that platform: --host NAME"])
      }
      return Candidate(session: session, docker: try await DockerBuilder.detect(on: session))
    }
    for failure in found.values.compactMap(\.failure) { table.fail(failure) }
    return sessions.compactMap { try? found[$0.name]?.get() }
  }

  /// The host that has built or held a version of this image last; the first named where none has.
  private func warmest(_ candidates: [Candidate]) async -> Candidate? {
    guard candidates.count > 1 else { return candidates.first }
    let name = task.name
    var warm: Set<String> = []
    await withTaskGroup(of: String?.self) { group in
      for candidate in candidates {
        group.addTask {
          let images = try? await candidate.session.run([candidate.docker.path, "image", "ls", "--quiet", name])
          return images.map { $0.succeeded && !$0.text.isEmpty } == true ? candidate.name : nil
        }
      }
      for await name in group { if let name { warm.insert(name) } }
    }
    return candidates.first { warm.contains($0.name) } ?? candidates.first
  }

  /// Builds on further hosts without pushing, to warm or to compare their caches.
  private func buildOnly(
    _ others: [Candidate], _ registry: RegistryAccess
  ) async -> [String: Result<Double, DeliveryError>] {
    await Fleet.each(others.map { ($0.name, $0) }, context: context) { other in
      let clock = ContinuousClock()
      let start = clock.now
      try await ImageBuild(
        task: task, builder: other, registry: registry, order: order, context: context, jobs: jobs
      ).buildOnly()
      return start.duration(to: clock.now).seconds
    }
  }
}
