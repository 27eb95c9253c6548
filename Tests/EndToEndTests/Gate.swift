// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A place where a build step waits until the test lets it go: the step connects to a port on loopback and reads, and
/// goes on when the connection ends.
final class Gate: @unchecked Sendable {
  // `@unchecked`: the descriptors are only touched on `queue`.
  let port: UInt16
  private let listener: Int32
  private var waiting: [Int32] = []
  private let queue = DispatchQueue(label: "gate")

  init() throws {
    #if canImport(Glibc)
      let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    #else
      let listener = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener, address, length) == 0 && listen(listener, 4) == 0 && getsockname(listener, address, &length) == 0
      }
    }
    guard bound else { throw Errno(rawValue: errno) }
    self.listener = listener
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit { close(listener) }

  /// Returns when a step has come to the gate; throws where none comes within five minutes, as when its build failed: it may wait for its turn.
  func connected() async throws {
    let accepted: Result<Int32, Errno> = await withCheckedContinuation { continuation in
      DispatchQueue.global().async { [listener] in
        var polled = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        guard poll(&polled, 1, 300_000) > 0 else { return continuation.resume(returning: .failure(.timedOut)) }
        let descriptor = accept(listener, nil, nil)
        continuation.resume(returning: descriptor < 0 ? .failure(Errno(rawValue: errno)) : .success(descriptor))
      }
    }
    let descriptor = try accepted.get()
    queue.sync { waiting.append(descriptor) }
  }

  /// Returns when every step that has come is gone by itself, as when it was killed; throws where one stays for a minute.
  func left() async throws {
    let descriptors = queue.sync { waiting }
    let all: Bool = await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        continuation.resume(
          returning: descriptors.allSatisfy { descriptor in
            var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            return poll(&polled, 1, 60_000) > 0
          })
      }
    }
    guard all else { throw Errno.timedOut }
  }

  /// Lets every step go that has come.
  func open() {
    queue.sync {
      for descriptor in waiting { close(descriptor) }
      waiting = []
    }
  }
}
