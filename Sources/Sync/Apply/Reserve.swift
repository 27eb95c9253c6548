// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Room for what moving into place takes of the disk, held until then, so that a disk which fills does so before.
final class Reserve {
  private let staging: Staging
  private static let name = Array("reserve".utf8)

  init(_ staging: Staging, for plan: ApplyPlan) throws {
    self.staging = staging
    try Disk.remove(staging.descriptor, Self.name, "staging")
    let file = try Disk.open(staging.descriptor, Self.name, O_WRONLY | O_CREAT | O_EXCL, path: "staging")
    defer { close(file) }
    // New directories, growing ones, and the managed list.
    let size = 256 << 10 + plan.steps.bytes + 128 * plan.target.summary.entries
    let failure = posix_fallocate(file, 0, off_t(size))
    guard failure == 0 || failure == EOPNOTSUPP || failure == EINVAL else {
      release()
      throw SyncError.number(failure, "reserve room for", "the workspace")
    }
  }

  func release() { _ = Disk.withPath(Self.name) { unlinkat(staging.descriptor, $0, 0) } }
}
