// SPDX-License-Identifier: Apache-2.0

/// How a push deals with what it finds on the host.
public struct PushOptions: Hashable, Sendable {
  /// Take over a directory that was not pushed by us, and save aside what is in the way.
  public var adopt: Bool
  /// Delete even everything, or most of it.
  public var allowMassDelete: Bool
  /// Who holds the lease, for whoever waits for it: `user@laptop`.
  public var owner: String
  /// Wait for a lease that someone else holds, instead of failing.
  public var wait: Bool
  /// The project's name. A host's directory that was pushed to as another project's is refused.
  public var project: String

  public init(
    adopt: Bool = false, allowMassDelete: Bool = false, owner: String, wait: Bool = false, project: String
  ) {
    self.adopt = adopt
    self.allowMassDelete = allowMassDelete
    self.owner = owner
    self.wait = wait
    self.project = project
  }
}
