// SPDX-License-Identifier: Apache-2.0

internal import RemoteKit
internal import Synchronization

/// Takes a host's session up again after its connection broke: with exponential backoff and full jitter, so that many
/// clients of one host do not come back in step, and for a bounded time since anything last went through.
final class Reconnection: Sendable {
  let session: HostSession
  private let context: RunContext
  private let patience: Duration
  private let state = Mutex(State())
  /// Stands still while the laptop sleeps: a night with its lid closed uses nothing up.
  private let clock = SuspendingClock()

  private struct State: Sendable {
    /// How often in a row it was tried.
    var failures = 0
    var lastSuccess: SuspendingClock.Instant?
    /// How often in a row the login was refused.
    var refusals = 0

    /// This host has let us in before: a handshake that fails was mostly broken off, at whatever place. A refused login may
    /// have been too, but is not tried often, for servers shut out who does; and another host key is the end.
    mutating func mayTryAgain(after error: any Error) -> Bool {
      guard let error = error as? RemoteError else { return DeliveryError.isBrokenConnection(error) }
      switch error.code {
      case .unknownHostKey, .changedHostKey, .revokedHostKey, .configuration, .unsupported, .noAgentForPlatform:
        return false
      case .authenticationRefused:
        refusals += 1
        return refusals < Reconnection.mostRefusals
      default: return true
      }
    }
  }

  /// How long it is tried where ``variable`` does not say.
  static let defaultPatience = Duration.seconds(900)
  /// Seconds, in the environment.
  static let variable = "REMOTE_BUILD_RECONNECT_SECONDS"
  /// How often in a row a login may be refused.
  private static let mostRefusals = 5
  /// The longest wait between two attempts.
  private static let longestDelay = 30.0

  init(_ session: HostSession, context: RunContext) {
    self.session = session
    self.context = context
    patience =
      context.environment[Self.variable].flatMap { UInt32($0) }.map { .seconds(Int64($0)) } ?? Self.defaultPatience
  }

  /// Something went through: the next break is the first again.
  func noteSuccess() {
    let now = clock.now
    state.withLock { $0 = State(lastSuccess: now) }
  }

  /// Whether `error` may be gone with another connection.
  func mayRestore(after error: any Error) -> Bool {
    !Task.isCancelled && state.withLock { $0.mayTryAgain(after: error) }
  }

  /// Does `body`, and again after each break, for as long as it is tried. For what may be done twice.
  func persist<Value: Sendable>(
    _ body: @Sendable (HostSession) async throws -> Value
  ) async throws -> Value {
    while true {
      do {
        let value = try await body(session)
        noteSuccess()
        return value
      } catch let error where mayRestore(after: error) {
        try await restore(after: error)
      }
    }
  }

  /// Waits, longer after each failure in a row, and connects anew. Throws what stood in the way last.
  func restore(after first: any Error) async throws {
    var error = first
    while true {
      let now = clock.now
      let (failures, until) = state.withLock { state in
        state.failures += 1
        if state.lastSuccess == nil { state.lastSuccess = now }
        return (state.failures, state.lastSuccess.map { $0.advanced(by: patience) } ?? now)
      }
      let rest = now.duration(to: until).seconds
      guard rest > 0 else { throw error }
      let delay = min(Self.delay(after: failures), rest)
      context.emit(
        .reconnecting(
          .init(
            reason: DeliveryError(error, host: nil).what, attempt: failures, seconds: delay, patience: rest)),
        host: session.name)
      try await Task.sleep(for: .seconds(delay), clock: clock)
      do {
        return try await session.reconnect()
      } catch let next where !(next is CancellationError) {
        guard state.withLock({ $0.mayTryAgain(after: next) }) else { throw next }
        error = next
      }
    }
  }

  /// Seconds: anything up to a quarter of one at first, up to ``longestDelay`` after the seventh failure.
  static func delay(after failures: Int) -> Double {
    Double.random(in: 0.05...1) * min(longestDelay, 0.25 * Double(1 << min(max(0, failures - 1), 16)))
  }
}
