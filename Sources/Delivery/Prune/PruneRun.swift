// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import Registry
internal import RemoteKit
public import SystemPackage

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// `remote-build prune`: removes what is ours and no longer needed, on hosts and on this machine.
public struct PruneRun: Sendable {
  let context: RunContext
  let named: FilePath?
  let selection: HostSelection
  let limits: PruneLimits

  public init(context: RunContext, workspace: FilePath?, selection: HostSelection, limits: PruneLimits) {
    self.context = context.hinting(selection, workspace)
    named = workspace
    self.selection = selection
    self.limits = limits
  }

  /// Hands out what would be removed, asks, removes it, and hands out what was.
  /// - Parameters:
  ///   - isDry: stop after the first.
  ///   - confirm: whether it is to be done.
  /// - Returns: success, or the status of a host that could not be tidied; what went wrong is emitted.
  public func run(
    isDry: Bool, confirm: () async throws -> Bool, show: (PruneRow) -> Void
  ) async throws -> ExitStatus {
    let workspace = try LocalWorkspace.open(named, context: context, needsProject: false)
    let inventory = try Fleet.inventory(of: workspace, context: context)
    // Without a host this machine is tidied all the same.
    let hosts =
      selection.names.isEmpty && inventory.hosts.isEmpty
      ? [] : try HostChoice(inventory: inventory, selection: selection).hosts()
    let fleet = await Fleet.connect(
      hosts, workspace: workspace, selection: selection, context: context, isAnnounced: false)
    do {
      let status = try await run(fleet, workspace, isDry: isDry, confirm: confirm, show: show)
      await fleet.close()
      return status
    } catch {
      await fleet.close()
      throw error
    }
  }

  private func run(
    _ fleet: Fleet, _ workspace: LocalWorkspace, isDry: Bool, confirm: () async throws -> Bool,
    show: (PruneRow) -> Void
  ) async throws -> ExitStatus {
    let choice = await imageChoice(workspace)
    let local = LaptopPruning(directories: context.directories, limits: limits, now: Date())
    let planned = await rows(fleet, workspace, choice, isDry: true)
    let found = (planned.rows + local.run(isDry: true)).filter(\.isWorthTelling)
    found.forEach(show)
    let failures = Array(fleet.failures.values.map(\.status)) + planned.statuses
    guard !isDry, found.contains(where: { $0.count > 0 }) else { return ExitStatus.worst(failures) }
    guard try await confirm() else { return .interrupted }
    let done = await rows(fleet, workspace, choice, isDry: false)
    (done.rows + local.run(isDry: false)).filter(\.isWorthTelling).forEach(show)
    return ExitStatus.worst(fleet.failures.values.map(\.status) + done.statuses)
  }

  private func rows(
    _ fleet: Fleet, _ workspace: LocalWorkspace, _ choice: ImagePruning, isDry: Bool
  ) async -> (rows: [PruneRow], statuses: [ExitStatus]) {
    let outcomes = await Fleet.each(fleet.sessions.map { ($0.name, $0) }, context: context) { session in
      try await HostPruning(
        session: session, workspace: workspace, choice: choice, limits: limits, context: context
      ).run(isDry: isDry)
    }
    return (
      fleet.sessions.flatMap { (try? outcomes[$0.name]?.get()) ?? [] }, outcomes.values.compactMap(\.failure?.status)
    )
  }

  // MARK: What stays

  /// What is known of the workspace's releases. Where the registry does not say what a channel refers to, no release is
  /// judged at all.
  private func imageChoice(_ workspace: LocalWorkspace) async -> ImagePruning {
    var choice = ImagePruning(
      repositories: [], keptTags: [], keptDigests: [], used: [], releases: limits.releases)
    guard let project = workspace.project, let registry = project.registry, let owner = project.owner else {
      return choice
    }
    choice.repositories = Set(project.images.map { "\(registry.address)/\(owner)/\($0.name)" })
    for image in project.images {
      if case .fixed(let tag)? = project.version(of: image) { choice.keptTags.insert(tag) }
    }
    guard let channel = project.channel else { return choice }
    choice.keptTags.insert(channel)
    do {
      let place = try RegistryPlace(registry, repository: nil, context: context)
      if let via = place.via { throw DeliveryError(.unavailable, "it is reached through \(via) alone") }
      for image in project.images {
        let repository = try RepositoryName("\(owner)/\(image.name)")
        // `CHANNEL` and its history, `CHANNEL.N`: what a rollback goes to.
        for tag in try await place.client.tags(repository) {
          let text = "\(tag)"
          guard text == channel || text.hasPrefix("\(channel).") else { continue }
          choice.keptTags.insert(text)
          if let digest = try await place.client.manifestHead(repository, .tag(tag))?.digest {
            choice.keptDigests.insert("\(digest)")
          }
        }
      }
    } catch {
      context.warn(
        "what \(channel) refers to is not known, so no release is removed from a host: "
          + DeliveryError(error, host: nil).what)
      choice.repositories = []
    }
    return choice
  }
}
