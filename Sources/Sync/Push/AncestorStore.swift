// SPDX-License-Identifier: Apache-2.0

public import SystemPackage
internal import Vocabulary

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The trees that hosts acknowledged last: what a push is computed from before anything is asked of the host.
///
/// It is a cache. Where it is lost or stale, a push takes another round trip and is as correct.
public struct AncestorStore: Sendable {
  private let directory: FilePath

  /// - Parameter directory: is made where it does not exist; its parent must.
  public init(directory: FilePath) { self.directory = directory }

  func load(host: String, workspace: String) -> Snapshot {
    Snapshot.load(AT_FDCWD, name(host, workspace)) ?? .empty
  }

  func save(_ snapshot: Snapshot, host: String, workspace: String) throws {
    guard mkdir(directory.string, 0o700) == 0 || errno == EEXIST else {
      throw SyncError.last("make the directory", directory.string)
    }
    try snapshot.copy(to: AT_FDCWD, name(host, workspace), path: directory.string)
  }

  private func name(_ host: String, _ workspace: String) -> [UInt8] {
    let digest = Digest.sha256(of: "\(host)\n\(workspace)")
    return Array("\(directory)/\(digest.hex.prefix(32)).tree".utf8)
  }
}
