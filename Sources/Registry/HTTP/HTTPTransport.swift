// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Sends requests over libcurl, one connection pool for one registry.
final class HTTPTransport: Sendable {
  private let loop: TransferLoop
  private let registry: HTTPLocation
  private let caFile: String?
  private let route: RegistryRoute
  private let connectTimeout: Duration
  /// Before the first repetition of a request; it doubles with each.
  let retryPause: Duration

  /// - Parameter caFile: PEM certificates that are trusted instead of the system's.
  init(
    registry: HTTPLocation, caFile: String?, route: RegistryRoute, connectTimeout: Duration,
    retryPause: Duration
  ) throws(RegistryError) {
    self.registry = registry
    self.caFile = caFile
    self.route = route
    self.connectTimeout = connectTimeout
    self.retryPause = retryPause
    loop = try TransferLoop()
  }

  deinit { loop.stop() }

  /// Sends one request and reads its answer, whatever the status; redirects are answers here.
  ///
  /// - Throws: ``TransportFailure``, `CancellationError`, or what the request's sink or the route threw.
  func send(_ request: HTTPRequest, deadline: ContinuousClock.Instant) async throws -> HTTPResponse {
    let remaining = deadline - .now
    guard remaining > .zero else { throw TransportFailure.deadline(request.location) }
    let connection = Transfer.Connection(
      caFile: caFile, connectTo: try await target(of: request.location), connectTimeout: connectTimeout,
      timeout: remaining)
    let outcome = await outcome(of: request, connection)
    switch outcome {
    case .response(let response): return response
    case .cancelled: throw CancellationError()
    case .sinkFailed(let error): throw error
    case .tooLarge:
      throw TransportFailure(
        error: RegistryError(
          .tooLarge, registry: request.location.authority,
          "the answer is larger than the \(request.bodyLimit) bytes that are read of its kind"))
    case .failed(let code, let text, let received):
      throw TransportFailure(
        error: RegistryError(
          code.failure, registry: request.location.authority, text.shownSafely, hint: code.hint(caFile: caFile)),
        hasFedSink: received)
    }
  }

  private func outcome(of request: HTTPRequest, _ connection: Transfer.Connection) async -> Transfer.Outcome {
    let current = Mutex<Transfer?>(nil)
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let transfer = Transfer(request, connection) { continuation.resume(returning: $0) }
        current.withLock { $0 = transfer }
        loop.start(transfer)
        // The handler may have run before there was anything to cancel.
        if Task.isCancelled { loop.cancel(transfer) }
      }
    } onCancel: {
      if let transfer = current.withLock({ $0 }) { loop.cancel(transfer) }
    }
  }

  private func target(of location: HTTPLocation) async throws -> (host: String, port: Int)? {
    switch route {
    case .direct: nil
    case .through(let host, let port): location.hasSameOrigin(as: registry) ? (host, port) : nil
    case .asking(let ask): try await ask(location.host, location.port)
    }
  }
}

/// A request that got no answer.
struct TransportFailure: Error {
  var error: RegistryError
  /// Whether part of a body went to the request's sink: then it cannot simply be sent again.
  var hasFedSink = false

  static func deadline(_ location: HTTPLocation) -> TransportFailure {
    TransportFailure(error: RegistryError(.timedOut, registry: location.authority, "no answer in time"))
  }

  /// Whether the same request may succeed when it is sent again: the connection was made and then lost.
  var isTransient: Bool { error.code == .connectionLost && !hasFedSink }
}
