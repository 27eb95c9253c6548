// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import SystemPackage

/// Locks that one call of an agent took and a later one needs: descriptors by the path that they guard.
///
/// A slot's lock is taken by `slot.prepare` and must live as long as the job that builds from the slot: whoever starts
/// the job takes the descriptor from here and lets the job's supervisor inherit it. The descriptors are close-on-exec;
/// the spawner lifts that in the one child that is to have them.
public final class HeldLocks: Sendable {
  private let descriptors = Mutex<[String: FileDescriptor]>([:])

  public init() {}

  deinit { releaseAll() }

  /// Keeps `descriptor`, and with it the lock, until it is taken or released. One held for `path` before is closed.
  public func hold(_ path: String, _ descriptor: FileDescriptor) {
    let earlier = descriptors.withLock { $0.updateValue(descriptor, forKey: path) }
    try? earlier?.close()
  }

  /// Hands the descriptor over; the caller closes it. `nil` when none is held for `path`.
  public func take(_ path: String) -> FileDescriptor? {
    descriptors.withLock { $0.removeValue(forKey: path) }
  }

  /// Closes every descriptor, and so frees every lock that nobody took.
  public func releaseAll() {
    let all = descriptors.withLock { held in
      defer { held = [:] }
      return Array(held.values)
    }
    for descriptor in all { try? descriptor.close() }
  }
}
