// SPDX-License-Identifier: Apache-2.0

public import SystemPackage

/// Which releases a command is about, and what it may do: what the command line says beside the hosts.
public struct ReleaseOrder: Sendable {
  /// Names of `remote-build.yaml`, or `registry/owner/name`; each with `:TAG` where a release of its own is meant.
  public var images: [String]
  public var registry: String?
  public var owner: String?
  /// The certificates that the registry's own is checked against, in place of what `remote-build.yaml` says.
  public var certificates: FilePath?
  public var channel: String?
  /// What a rollback goes to: a tag or a digest; `nil` for the release before.
  public var target: String?
  /// Whether the services that stand on a base image are rolled back with it.
  public var includesDependents: Bool
  /// Whether the run ends with the plan.
  public var isDry: Bool
  /// Whether the plan is carried out unasked.
  public var isAgreed: Bool

  public init(
    images: [String], registry: String? = nil, owner: String? = nil, certificates: FilePath? = nil,
    channel: String? = nil, target: String? = nil, includesDependents: Bool = false, isDry: Bool = false,
    isAgreed: Bool = false
  ) {
    self.images = images
    self.registry = registry
    self.owner = owner
    self.certificates = certificates
    self.channel = channel
    self.target = target
    self.includesDependents = includesDependents
    self.isDry = isDry
    self.isAgreed = isAgreed
  }
}
