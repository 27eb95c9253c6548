// SPDX-License-Identifier: Apache-2.0

/// What a session keeps of one of its channels; confined to the session.
final class ChannelState {
  let id: Int
  let pointer: OpaquePointer
  let readTurn = Turnstile()
  let writeTurn = Turnstile()
  var isClosed = false
  var finishedWriting = false
  /// A write that was given up half-way: libssh2 would demand the same bytes again, so no other write may follow.
  var isWriteBroken = false
  private(set) var standardError: [UInt8] = []
  /// What was read of the standard output before anybody asked for it.
  private var output: [UInt8] = []
  private static let tail = 16 << 10

  init(id: Int, pointer: OpaquePointer) {
    self.id = id
    self.pointer = pointer
  }

  func appendStandardError(_ bytes: ArraySlice<UInt8>) {
    standardError += bytes
    if standardError.count > 2 * Self.tail {
      standardError.removeFirst(standardError.count - Self.tail)
    }
  }

  func appendOutput(_ bytes: [UInt8]) { output += bytes }

  /// The first of what was read before; `nil` where nothing was.
  func takeOutput(upTo limit: Int) -> [UInt8]? {
    guard !output.isEmpty else { return nil }
    defer { output.removeFirst(min(limit, output.count)) }
    return Array(output.prefix(limit))
  }

  var standardErrorTail: [UInt8] { Array(standardError.suffix(Self.tail)) }
}

/// Lets one task through at a time, first come, first served. Confined to one actor.
final class Turnstile {
  private var isBusy = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func enter(isolation: isolated any Actor) async {
    if !isBusy {
      isBusy = true
      return
    }
    await withCheckedContinuation { waiting.append($0) }
  }

  func leave() {
    if waiting.isEmpty { isBusy = false } else { waiting.removeFirst().resume() }
  }
}
