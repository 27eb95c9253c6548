// SPDX-License-Identifier: Apache-2.0

internal import Images
internal import RemoteKit
public import SystemPackage

/// `remote-build doctor`: looks at hosts and the registry, and says of each what is in the way of a build.
public struct DoctorRun: Sendable {
  let context: RunContext
  let named: FilePath?
  let selection: HostSelection
  let registry: String?
  let owner: String?
  let certificates: FilePath?

  /// - Parameters:
  ///   - registry: in place of what `remote-build.yaml` says; without either no registry is looked at.
  ///   - owner: likewise; whether one may push there is asked.
  public init(
    context: RunContext, workspace: FilePath?, selection: HostSelection, registry: String? = nil, owner: String? = nil,
    certificates: FilePath? = nil
  ) {
    self.context = context.hinting(selection, workspace)
    named = workspace
    self.selection = selection
    self.registry = registry
    self.owner = owner
    self.certificates = certificates
  }

  /// Looks at everything side by side, and hands out what was found: first of the registry, then of each host in the
  /// order in which they were named, as soon as it is there.
  /// Throws ``DeliveryError`` where files of configuration are wrong, or no host is named. What is wrong with a host is
  /// no error.
  /// - Returns: success unless a check failed.
  public func run(_ show: (Examination) -> Void) async throws -> ExitStatus {
    let workspace = try LocalWorkspace.open(named, context: context, needsProject: false)
    let inventory = try Fleet.inventory(of: workspace, context: context)
    let hosts = try HostChoice(inventory: inventory, selection: selection).hosts()
    let place = try registryPlace(workspace)
    let distinctName = Fleet.distinctName(of: workspace, on: hosts, selection: selection, context: context)
    let ways = hosts.map { host in
      Task {
        await HostExamination(
          host: host, workspace: workspace, distinctName: distinctName, selection: selection, registry: place,
          context: context
        ).run()
      }
    }
    var statuses: [ExitStatus] = []
    func take(_ examination: Examination) {
      statuses.append(examination.status)
      show(examination)
    }
    await withTaskCancellationHandler {
      if let place { take(await RegistryExamination(place: place).run()) }
      for way in ways { take(await way.value) }
    } onCancel: {
      for way in ways { way.cancel() }
    }
    return ExitStatus.worst(statuses)
  }

  private func registryPlace(_ workspace: LocalWorkspace) throws -> RegistryPlace? {
    guard var registry = registry.map({ ProjectRegistry(address: $0) }) ?? workspace.project?.registry else {
      return nil
    }
    registry.caFile = certificates.map { context.workingDirectory.pushing($0) } ?? registry.caFile
    let owner = owner ?? workspace.project?.owner
    let repository = owner.map { owner in
      workspace.project?.images.first.map { "\(owner)/\($0.name)" } ?? "\(owner)/remote-build-doctor"
    }
    return try RegistryPlace(registry, repository: repository, context: context)
  }
}
