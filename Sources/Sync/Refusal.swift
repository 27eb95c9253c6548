// SPDX-License-Identifier: Apache-2.0

public import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Why an agent refuses a push or a slot: the codes of its `Wire.ServiceFailure`s.
public enum Refusal: String, CaseIterable, Sendable {
  /// The directory is not this workspace's copy: details `workspace`.
  case notOurs = "not-ours"
  /// Files that nobody pushed stand where pushed ones belong: details `paths`.
  case inTheWay = "in-the-way"
  /// The push would delete everything, or most of it.
  case massDelete = "mass-delete"
  /// The host's disk or quota is full. The old tree is whole, the staged files are gone; or the message says that the
  /// next push goes on with this one.
  case diskFull = "disk-full"
  /// Another push or build preparation holds the lease: details `owner`, `since`.
  case leaseHeld = "lease-held"
  /// The host's tree is not the one that was asked for any more.
  case treeChanged = "tree-changed"
  /// What was received, or what stands on the disk afterwards, has another digest than announced.
  case digestMismatch = "digest-mismatch"
  /// The host's filesystem takes two of the names for one: details `paths`.
  case namesMerge = "names-merge"
  /// A path that leads out of the workspace, stands twice, or lies below something that is no directory.
  case badPath = "bad-path"
  /// The client gave up in the middle of a push; nothing was changed.
  case abandoned = "abandoned"
  /// The operating system refused: permissions, a read-only filesystem, a broken disk.
  case io = "io"

  public func failure(_ message: String, details: [String: [String]] = [:]) -> ServiceFailure {
    ServiceFailure(rawValue, message, details: details)
  }

  /// What an error on the host's side is called on the wire.
  /// - Parameter isCommitted: whether it came while things were moved into place.
  static func failure(from error: any Error, workspace: String, isCommitted: Bool = false) -> any Error {
    guard let error = error as? SyncError else { return error }
    switch (error.code, error.systemError) {
    case (_, ENOSPC) where isCommitted, (_, EDQUOT) where isCommitted:
      return diskFull.failure(
        "the host's disk is full: \(error.message). Some paths are new already, the others old. Make room on the "
          + "filesystem of \(workspace) (`docker builder prune`), then run the same command again, which goes on from "
          + "there", details: ["workspace": [workspace]])
    case (_, ENOSPC), (_, EDQUOT):
      return diskFull.failure(
        "the host's disk is full: \(error.message). The old tree is whole and the received files were removed. "
          + "Make room on the filesystem of \(workspace) (`docker builder prune`), then run the same command again",
        details: ["workspace": [workspace]])
    case (.badTree, _):
      return badPath.failure(error.message, details: ["paths": error.path.map { [$0] } ?? []])
    default:
      return io.failure(error.message, details: ["paths": error.path.map { [$0] } ?? []])
    }
  }
}
