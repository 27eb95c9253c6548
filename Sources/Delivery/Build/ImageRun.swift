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
  let arrivals: Arrivals
  let order: BuildOrder
  let workspace: LocalWorkspace
  let selection: HostSelection
  let context: RunContext
  let jobs: ActiveJobs

  /// A host that can build: its session, and the builder found there.
  struct Candidate: Sendable {
    var session: HostSession
    var docker: DockerBuilder
    /// Whether it has any version of the image, as who built or held one last has.
    var isWarm = false
    var name: String { session.name }
  }

  /// Runs to the end; what goes wrong is emitted, and in the status. A release may stand though a host failed.
  /// - Parameter start: from when its time is counted.
  func run(since start: ContinuousClock.Instant) async -> (status: ExitStatus, hasRelease: Bool) {
    let clock = ContinuousClock()
    var table = ResultTable(hosts: hosts)
    var outcome: ImageBuild.Outcome?
    do {
      outcome = try await build(&table, since: start)
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

  private func build(
    _ table: inout ResultTable, since start: ContinuousClock.Instant
  ) async throws -> ImageBuild.Outcome? {
    let contest = Contest(hosts, since: start) { name throws(Arrivals.Failure) in try await ready(name, since: start) }
    let contenders = await contest.decide()
    for (name, failure) in contenders.failures { table.fail(name, failure) }
    // Every host has said by itself why it cannot build.
    guard let builder = contenders.builder else { return nil }
    let begun = ContinuousClock.now
    let registry = try RegistryAccess(task.registry, context: context)
    try await registry.check(repository: task.repository)
    let others = hosts.filter { $0 != builder.name && contenders.failures[$0] == nil }
    let build = ImageBuild(
      task: task, builder: builder, registry: registry, order: order, context: context, jobs: jobs
    )
    // A version that is refused is refused before anything is built anywhere.
    let judged = try await build.judge(pullsOn: isNamed && !order.buildsOnEach ? others : [])
    async let building = order.buildsOnEach && judged.standing == nil ? buildOnly(others, contest, registry) : [:]
    let result: Result<ImageBuild.Outcome, any Error>
    do { result = .success(try await build.carryOut(judged)) } catch { result = .failure(error) }
    for (host, built) in await building {
      switch built {
      case .success(let seconds): table.set(host, .built, "built, not pushed", seconds: seconds)
      case .failure(let failure): table.fail(host, failure)
      }
    }
    let outcome = try result.get()
    table.set(
      builder.name, outcome.isStanding ? .standing : .built, outcome.summary,
      seconds: begun.duration(to: .now).seconds)
    // Nobody asked for the image on a host that was not named, so one that is off is no failure of the run.
    if !isNamed { table.excuse(allBut: builder.name) }
    if isNamed && !order.buildsOnEach {
      // A release that stands need not be on any of the hosts yet.
      let pulling = outcome.isStanding ? [builder.name] + others : others
      for (host, result) in await pull(outcome.release, on: pulling, contest, builder, registry) {
        switch result {
        case .success(let pulled):
          table.set(host, host == builder.name ? .standing : .pulled, pulled.summary, seconds: pulled.seconds)
        case .failure(let failure): table.fail(host, failure)
        }
      }
    }
    await note(outcome.release, isStanding: outcome.isStanding, builder.session)
    if let channel = task.channel {
      do {
        try await BuildPromotion(
          image: task.image.name, repository: task.repository, tag: task.tag, channel: channel, registry: registry,
          workspace: workspace, selection: selection, context: context, jobs: jobs
        ).run(outcome.release, isStanding: outcome.isStanding, open: builder.session)
      } catch {
        // The release stands; what did not move is the channel.
        let failure = DeliveryError(error, host: nil)
        context.emit(.failed(failure), host: failure.host)
        var general = failure
        general.host = nil
        table.fail(general)
      }
    }
    return outcome
  }

  /// Notes a release in the audit logs, here and on the host that built it.
  private func note(_ release: VerifiedImage, isStanding: Bool, _ session: HostSession) async {
    guard !isStanding else { return }
    var entry = AuditEntry(
      id: ULID().description, who: context.owner, command: "build", image: task.name, result: .done)
    entry.to = release.digest
    entry.version = task.tag
    await AuditLog(context: context).append([entry], on: session)
  }

  /// Brings the release to further hosts, late ones included, which are waited for here.
  private func pull(
    _ release: VerifiedImage, on hosts: [String], _ contest: Contest, _ builder: Candidate, _ registry: RegistryAccess
  ) async -> [String: Result<ImagePull.Pulled, Arrivals.Failure>] {
    let pulls = ImagePull(
      reference: task.reference, repository: task.name, digest: release.digest, registry: registry, context: context)
    return await contest.each(hosts, context: context) { host in
      guard host.session.platform == builder.session.platform else {
        throw DeliveryError(
          .usage, host: host.name,
          "the image is for \(builder.session.platform), and the host is \(host.session.platform)")
      }
      return try await pulls.run(on: host)
    }
  }

  /// A host of this image, once it has the tree, and a builder was found there. What goes wrong is emitted.
  private func ready(
    _ name: String, since start: ContinuousClock.Instant
  ) async throws(Arrivals.Failure) -> Candidate {
    let session = try await arrivals.session(name)
    do {
      let platforms = task.image.platforms
      guard platforms.isEmpty || platforms.contains(session.platform) else {
        throw DeliveryError(
          .usage, host: session.name,
          "\(task.image.name) is for \(platforms.map(\.description).joined(separator: ", ")), and the host is \(session.platform)",
          leftBehind: "nothing was built there", next: ["name a host of that platform: --host NAME"])
      }
      var candidate = Candidate(session: session, docker: try await DockerBuilder.detect(on: session))
      if hosts.count > 1 {
        let images = try? await session.run([candidate.docker.path, "image", "ls", "--quiet", task.name])
        candidate.isWarm = images.map { $0.succeeded && !$0.text.isEmpty } == true
      }
      return candidate
    } catch {
      let failure = DeliveryError(error, host: name)
      // Who was not waited for is not worth a word.
      if !session.isClosed { context.emit(.failed(failure), host: name) }
      throw Arrivals.Failure(error: failure, seconds: start.duration(to: .now).seconds)
    }
  }

  /// Builds on further hosts without pushing, to warm or to compare their caches.
  private func buildOnly(
    _ others: [String], _ contest: Contest, _ registry: RegistryAccess
  ) async -> [String: Result<Double, Arrivals.Failure>] {
    await contest.each(others, context: context) { other in
      let start = ContinuousClock.now
      try await ImageBuild(
        task: task, builder: other, registry: registry, order: order, context: context, jobs: jobs
      ).buildOnly()
      return start.duration(to: .now).seconds
    }
  }
}
