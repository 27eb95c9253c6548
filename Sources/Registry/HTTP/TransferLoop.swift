// SPDX-License-Identifier: Apache-2.0

internal import CCurl
internal import Foundation
internal import Synchronization

/// A thread that drives libcurl's multi handle: connections are kept and shared between requests, and nothing of it
/// ever blocks Swift's own threads.
///
/// `@unchecked Sendable`: `multi` and `running` belong to the thread alone; others reach it by the inbox, and by
/// `curl_multi_wakeup`, which libcurl lets any thread call.
final class TransferLoop: @unchecked Sendable {
  private struct Inbox {
    var arriving: [Transfer] = []
    /// Held, so that another transfer cannot take the address of one that has just ended.
    var cancelled: [Transfer] = []
    var isStopped = false
  }

  private let multi: UnsafeMutableRawPointer
  private let inbox = Mutex(Inbox())
  private var running: [UnsafeMutableRawPointer: Transfer] = [:]

  private static let isReady = ccurl_global_init() == CURLE_OK

  /// - Throws: ``RegistryError`` when libcurl cannot start, which only a lack of memory explains.
  init() throws(RegistryError) {
    guard Self.isReady, let multi = curl_multi_init() else {
      throw RegistryError(.unreachable, "libcurl could not be started")
    }
    _ = ccurl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 6)
    self.multi = multi
    let thread = Thread { self.run() }
    thread.name = "registry"
    thread.start()
  }

  func start(_ transfer: Transfer) {
    inbox.withLock { $0.arriving.append(transfer) }
    curl_multi_wakeup(multi)
  }

  func cancel(_ transfer: Transfer) {
    inbox.withLock { $0.cancelled.append(transfer) }
    curl_multi_wakeup(multi)
  }

  /// Ends the thread and closes its connections. Nothing may be started afterwards.
  func stop() {
    // Within the lock: the thread frees the handle as soon as it sees the flag.
    inbox.withLock {
      $0.isStopped = true
      curl_multi_wakeup(multi)
    }
  }

  private func run() {
    while true {
      let work = inbox.withLock { inbox in
        defer { inbox = Inbox(isStopped: inbox.isStopped) }
        return inbox
      }
      work.arriving.forEach(begin)
      for (easy, transfer) in running where work.isStopped || work.cancelled.contains(where: { $0 === transfer }) {
        running[easy] = nil
        curl_multi_remove_handle(multi, easy)
        transfer.end(nil)
      }
      if work.isStopped { break }
      var active: Int32 = 0
      curl_multi_perform(multi, &active)
      reap()
      // Woken by sockets, by libcurl's own timers, and by `curl_multi_wakeup`.
      curl_multi_poll(multi, nil, 0, 60_000, nil)
    }
    curl_multi_cleanup(multi)
  }

  private func begin(_ transfer: Transfer) {
    guard let easy = transfer.begin() else { return transfer.end(CURLE_OUT_OF_MEMORY) }
    guard curl_multi_add_handle(multi, easy) == CURLM_OK else { return transfer.end(CURLE_FAILED_INIT) }
    running[easy] = transfer
  }

  private func reap() {
    var remaining: Int32 = 0
    while let message = curl_multi_info_read(multi, &remaining) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
      let result = message.pointee.data.result
      curl_multi_remove_handle(multi, easy)
      running.removeValue(forKey: easy)?.end(result)
    }
  }
}
