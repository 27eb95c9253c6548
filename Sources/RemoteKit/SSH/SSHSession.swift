// SPDX-License-Identifier: Apache-2.0

internal import CLibSSH2
internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// One SSH connection, on a thread of its own. Whoever made it must ``close()`` it.
actor SSHSession: SessionLoopHandler {
  /// How to find out that the peer is gone: after `interval` × `count` of silence.
  struct KeepAlive: Sendable {
    var interval: Duration = .seconds(15)
    var count = 3
  }

  /// As the user named the host; errors begin with it.
  nonisolated let host: String
  nonisolated let loop: SessionLoop
  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  let engine: SSHEngine
  var channels: [Int: ChannelState] = [:]
  /// Closed here, but not yet by the peer.
  var lingering: [ChannelState] = []
  var lastChannel = 0
  /// Calls that libssh2 keeps the state of in the session itself: one at a time.
  let sessionTurn = Turnstile()
  var signing = SigningRequest()
  /// libssh2's last list of the ways to log in, which it does not free before it makes the next one.
  var waysList: UnsafeMutablePointer<CChar>?
  /// How long a command may take nothing of its input. Long, since an agent looks at a whole tree in between; a host
  /// that is gone is noticed by ``KeepAlive``.
  var writePatience: Duration = .seconds(600)
  private var transport: (any SSHTransport)?
  private var failure: RemoteError?
  private var isClosed = false

  private struct Waiter {
    var continuation: CheckedContinuation<Void, any Error>
    var deadline: ContinuousClock.Instant?
    var what: String
  }
  private var waiters: [Int: Waiter] = [:]
  private var lastWaiter = 0

  private let keepAlive: KeepAlive
  private var isKeepingAlive = false
  private var nextProbe = ContinuousClock.now
  private var unanswered = 0
  private var receiveBuffer = [UInt8](repeating: 0, count: 256 << 10)
  private static let inputLimit = 1 << 20

  init(host: String, keepAlive: KeepAlive = KeepAlive()) throws {
    self.host = host
    self.keepAlive = keepAlive
    guard let engine = SSHEngine() else {
      throw RemoteError(.protocolFailure, host: host, "the SSH library could not be started")
    }
    self.engine = engine
    loop = try SessionLoop()
    loop.start(self)
  }

  // MARK: Connecting

  /// Exchanges keys over what `open` makes, which may block the session's thread; returns the host's key, which the
  /// caller must check before it authenticates.
  func connect(
    _ methods: SSHMethods, deadline: ContinuousClock.Instant, over open: @Sendable () throws -> any SSHTransport
  ) async throws -> HostKey {
    transport = try open()
    methods.prefer(in: engine.session)
    // It must be one, and is not used: all bytes go by the callbacks.
    let descriptor = transport?.input.rawValue ?? -1
    do {
      _ = try await perform("the key exchange", before: deadline) {
        try engine.step(Int(libssh2_session_handshake(engine.session, descriptor)))
      }
    } catch let error as LibSSH2Failure where engine.inputEnded {
      throw await lost(error)
    } catch let error as LibSSH2Failure where error.code.isNegotiation {
      throw noCommonMethod(methods.supported(by: engine.session), error.message)
    }
    engine.overture = nil
    var length = 0
    guard let bytes = libssh2_session_hostkey(engine.session, &length, nil), length > 0 else {
      throw RemoteError(.protocolFailure, host: host, "the server showed no host key")
    }
    let blob = UnsafeRawBufferPointer(start: bytes, count: length)
    return HostKey(blob: Array(blob))
  }

  /// Says by name what the server wants and this side lacks.
  private func noCommonMethod(_ methods: SSHMethods, _ said: String) -> RemoteError {
    let missing = ServerOffer(engine.overture ?? [])?.mismatches(methods) ?? []
    let library = SSHLibraryReport.current
    return RemoteError(
      .unsupported, host: host,
      "no common way to speak with the server (\(said))" + missing.map { "\n  - \($0)" }.joined()
        + "\n  - libssh2 \(library.version) here lacks: " + library.lacks.joined(separator: ", "),
      hint: "Set 'transport: openssh' in the host's file, which uses the system's ssh in place of libssh2"
        + (missing.contains { $0.hasPrefix("host key") }
          ? ", or give the host an ed25519 key (ssh-keygen -A on the host)." : "."))
  }

  /// From now on a silent peer is noticed.
  func startKeepAlive() {
    // The least that libssh2 knows; the rhythm is ours.
    libssh2_keepalive_config(engine.session, 1, 2)
    isKeepingAlive = true
    nextProbe = .now + probePeriod
  }

  /// The session stands: acknowledgements may be delayed again.
  func settle() { transport?.setHurried(false) }

  // MARK: Steps

  /// Calls `body` until it is done, waiting for the connection in between.
  func perform<Value>(
    _ what: String, before deadline: ContinuousClock.Instant? = nil,
    _ body: () throws -> SSHStep<Value>
  ) async throws -> Value {
    while true {
      if let failure { throw failure }
      if isClosed { throw RemoteError(.closed, host: host, "the connection was closed") }
      do {
        let step = try body()
        wakeOthersIfNeeded()
        if case .done(let value) = step { return value }
      } catch let error as LibSSH2Failure {
        wakeOthersIfNeeded()
        if error.code.isDisconnection { throw await lost(error) }
        throw error
      }
      try await progress(what, before: deadline)
    }
  }

  private func wakeOthersIfNeeded() {
    guard engine.consumedInput else { return }
    engine.consumedInput = false
    resumeAll()
  }

  private func progress(_ what: String, before deadline: ContinuousClock.Instant?) async throws {
    lastWaiter += 1
    let id = lastWaiter
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation {
        (continuation: CheckedContinuation<Void, any Error>) in
        if Task.isCancelled {
          continuation.resume(throwing: CancellationError())
        } else {
          waiters[id] = Waiter(continuation: continuation, deadline: deadline, what: what)
        }
      }
    } onCancel: {
      Task { await self.cancel(id) }
    }
  }

  private func cancel(_ id: Int) {
    waiters.removeValue(forKey: id)?.continuation.resume(throwing: CancellationError())
  }

  func resumeAll() {
    let all = waiters
    waiters.removeAll()
    for waiter in all.values { waiter.continuation.resume() }
  }

  private func lost(_ error: LibSSH2Failure) async -> RemoteError {
    if let failure { return failure }
    // What lies below may know more: the jump host's session, or ProxyCommand's last words.
    if var reason = await transport?.reason() {
      if isKeepingAlive && reason.code == .unreachable { reason.code = .connectionLost }
      return reason
    }
    return RemoteError(
      .connectionLost, host: host, "the connection broke (\(error.message))",
      hint: "Run the same command again.")
  }

  /// Any error of a step as one for people.
  func remoteError(_ error: any Error, _ what: String) -> any Error {
    guard let error = error as? LibSSH2Failure else { return error }
    return RemoteError(error.code.remoteCode, host: host, "\(what) failed (\(error.message))")
  }

  func fail(_ error: RemoteError) {
    guard failure == nil else { return }
    failure = error
    resumeAll()
  }

  // MARK: The loop

  nonisolated func interest() -> SessionInterest { assumeIsolated { $0.interestNow() } }

  nonisolated func ready(input: Bool, output: Bool) { assumeIsolated { $0.readyNow(input: input, output: output) } }

  private func interestNow() -> SessionInterest {
    flush()
    var deadline = waiters.values.compactMap(\.deadline).min()
    if isKeepingAlive && failure == nil { deadline = min(deadline ?? nextProbe, nextProbe) }
    var interest = SessionInterest(deadline: deadline)
    if let transport, !engine.inputEnded, failure == nil {
      if engine.input.count < Self.inputLimit { interest.input = transport.input }
      if !engine.output.isEmpty { interest.output = transport.output }
    }
    return interest
  }

  private func readyNow(input: Bool, output: Bool) {
    if input { receive() }
    if output { flush() }
    let now = ContinuousClock.now
    for (id, waiter) in waiters where waiter.deadline.map({ $0 <= now }) ?? false {
      waiters.removeValue(forKey: id)
      waiter.continuation.resume(
        throwing: RemoteError(
          .timedOut, host: host, "\(waiter.what) took too long and was given up", hint: Deadline.hint))
    }
    probe(now)
  }

  private func receive() {
    guard let transport, !engine.inputEnded else { return }
    do throws(Errno) {
      while engine.input.count < Self.inputLimit {
        var received = 0
        let result: Result<Int?, Errno> = receiveBuffer.withUnsafeMutableBytes { buffer in
          do throws(Errno) { return .success(try transport.receive(into: buffer)) } catch {
            return .failure(error)
          }
        }
        guard let count = try result.get() else { break }
        received = count
        if received == 0 {
          engine.inputEnded = true
          break
        }
        receiveBuffer.withUnsafeBytes {
          engine.input.append(UnsafeRawBufferPointer(rebasing: $0[..<received]))
        }
        if received < receiveBuffer.count { break }
      }
    } catch {
      engine.inputEnded = true
    }
    unanswered = 0
    nextProbe = .now + probePeriod
    serviceChannels()
    engine.consumedInput = false
    resumeAll()
  }

  private func flush() {
    guard let transport, !engine.output.isEmpty, failure == nil else { return }
    let wasFull = engine.output.count >= SSHEngine.outputLimit
    do throws(Errno) {
      while !engine.output.isEmpty {
        let result: Result<Int?, Errno> = engine.output.withUnsafeBytes { bytes in
          do throws(Errno) { return .success(try transport.send(bytes)) } catch {
            return .failure(error)
          }
        }
        guard let count = try result.get() else { break }
        engine.output.drop(count)
      }
    } catch {
      // What the peer said before it went may still be unread, and says more than the failed write.
      receive()
      engine.inputEnded = true
      engine.output = ByteQueue()
      resumeAll()
    }
    if wasFull && engine.output.count < SSHEngine.outputLimit { resumeAll() }
  }

  /// Between two probes: so that `count` of them fit into `interval` × `count`, and the verdict at its end.
  private var probePeriod: Duration { keepAlive.interval * keepAlive.count / (keepAlive.count + 1) }

  private func probe(_ now: ContinuousClock.Instant) {
    guard isKeepingAlive, failure == nil, !engine.inputEnded, now >= nextProbe else { return }
    nextProbe = now + probePeriod
    // While nobody reads, our own full buffer is the reason for the silence.
    guard engine.input.count < Self.inputLimit else { return }
    guard unanswered < keepAlive.count else {
      fail(
        RemoteError(
          .timedOut, host: host,
          "the host has been silent for \(keepAlive.interval * keepAlive.count); connection given up",
          hint: "Check the network and the host, then run the same command again."))
      return
    }
    var next: CInt = 0
    let unsent = engine.output.count
    libssh2_keepalive_send(engine.session, &next)
    // libssh2 sends nothing within two seconds of the last one; what was not sent is not missing its answer.
    if engine.output.count > unsent { unanswered += 1 }
  }

  // MARK: The end

  /// Closes every channel and the connection, without waiting for the peer. Harmless when called twice.
  func close() {
    guard !isClosed else { return }
    if failure == nil && !engine.inputEnded && transport != nil {
      libssh2_session_disconnect_ex(engine.session, 11, "done", "")
      flush()
    }
    isClosed = true
    isKeepingAlive = false
    for channel in channels.values { channel.isClosed = true }
    channels.removeAll()
    lingering.removeAll()
    engine.shutDown()
    transport?.close()
    transport = nil
    resumeAll()
    loop.stop()
  }
}
