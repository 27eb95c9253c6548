// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// First come, first served, by the host's clock: laptops' clocks differ. Pulls are beside it. Who is there is read from the jobs' own files, so that a job whose
/// supervisor was killed holds up nobody.
struct JobQueue {
  let store: JobStore
  let id: String
  /// When the job was asked for.
  let created: Double
  let maxBuilds: Int

  /// Calls `enter` when it is this job's turn, and returns nobody; otherwise returns who comes first. One job at a time
  /// decides, on this user's whole host.
  func enter(_ enter: () throws -> Void) throws -> [JobStatus] {
    let lock = try ServiceFailure.wrapping("cannot open the queue's lock in \(store.root)") {
      try FileDescriptor.open(
        store.root.appending("queue.lock"), .readWrite, options: [.create, .closeOnExec, .noFollow],
        permissions: .ownerReadWrite)
    }
    defer { try? lock.close() }
    while flock(lock.rawValue, LOCK_EX) < 0 && errno == EINTR {}
    let others = store.identifiers().filter { $0 != id }.compactMap { try? store.status($0) }
    let ahead = others.filter { other in
      guard other.isBesideQueue != true else { return false }
      return other.phase == .running || other.phase == .queued && (other.created, other.id) < (created, id)
    }
    guard ahead.count >= max(1, maxBuilds) else {
      try enter()
      return []
    }
    return ahead
  }
}
