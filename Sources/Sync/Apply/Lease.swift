// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The right to change a workspace on a host: an exclusive `flock`, which a dead holder loses by itself.
final class Lease: Sendable {
  private let descriptor: Int32

  private struct Holder: Codable {
    var owner: String
    /// Seconds since 1970.
    var since: Int64
    var process: Int32
  }

  private static let ownerFile = Array("lease.owner".utf8)

  /// Blocks while someone else holds it if `wait`; throws `lease-held` otherwise.
  init(state: Int32, owner: String, wait: Bool, workspace: String) throws {
    let path = "\(workspace)/.remote-build/lease"
    descriptor = try Disk.open(state, Array("lease".utf8), O_RDWR | O_CREAT, path: path)
    while flock(descriptor, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      // What throws from here on is followed by `deinit`, which closes.
      throw errno == EWOULDBLOCK ? Self.held(state, workspace) : SyncError.last("lock", path)
    }
    let holder = Holder(owner: owner, since: Int64(time(nil)), process: getpid())
    try Disk.replace(state, Self.ownerFile, [try FrameConnection.json(holder)], path)
  }

  deinit { close(descriptor) }

  /// Gives it up, though something may still refer to it: whoever is told of the end may begin anew at once.
  func release() { _ = flock(descriptor, LOCK_UN) }

  /// What whoever took the lease last wrote beside it; it may be free by now.
  static func noted(_ state: Int32) -> (owner: String, since: String, process: Int32)? {
    let bytes = (try? Disk.contents(state, ownerFile, limit: 4096, "the lease's owner")) ?? nil
    guard let holder = bytes.flatMap({ try? FrameConnection.decode(Holder.self, $0) }) else { return nil }
    // Anyone who may write to the workspace wrote this, so it is shown without control characters.
    let owner = String(
      holder.owner.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }.prefix(100).map(Character.init))
    return (owner, Clock.text(holder.since), holder.process)
  }

  /// Keeps it beyond this value's life, for as long as `locks` does: until the agent's connection ends.
  func keep(in locks: HeldLocks, of workspace: String) {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    if copy >= 0 { locks.hold("\(workspace)/.remote-build/lease", FileDescriptor(rawValue: copy)) }
  }

  private static func held(_ state: Int32, _ workspace: String) -> any Error {
    let holder = noted(state)
    let (owner, since) = (holder?.owner ?? "someone", holder?.since ?? "an unknown time")
    return Refusal.leaseHeld.failure(
      "\(owner) has held the lease on \(workspace) since \(since). Nothing was changed. Wait until they are done and run "
        + "the same command again",
      details: ["owner": [owner], "since": [since]])
  }
}

/// Times as text.
enum Clock {
  /// `2026-01-31T13:05:09Z`, from seconds since 1970.
  static func text(_ seconds: Int64) -> String {
    var time = time_t(seconds)
    var parts = tm()
    gmtime_r(&time, &parts)
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T\(two(parts.tm_hour)):"
      + "\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
  }

  /// `20260131T130509Z`, for names of files.
  static func name(_ seconds: Int64) -> String { text(seconds).filter { $0 != "-" && $0 != ":" } }
}
