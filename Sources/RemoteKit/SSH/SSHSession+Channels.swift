// SPDX-License-Identifier: Apache-2.0

internal import CLibSSH2

/// How a command on a host ended.
enum CommandExit: Hashable, Sendable {
  case exited(Int)
  /// By a signal, such as `KILL`.
  case signalled(String)
}

extension SSHSession {
  /// A packet's most, by which bulk is written fastest.
  private static let writeUnit = 32_700
  private static let packetSize: UInt32 = 32_768
  private static let standardErrorStream: CInt = 1

  /// Opens a channel and starts `command` in the user's login shell.
  /// - Parameter window: bytes that the peer may send ahead of the reader.
  func execute(
    _ command: String, window: Int = 2 << 20, timeout: Duration = .seconds(30)
  ) async throws -> SSHChannel {
    let deadline = ContinuousClock.now + timeout
    await sessionTurn.enter(isolation: self)
    defer { sessionTurn.leave() }
    let state = try await openChannel("session", window: window, before: deadline) { [host] failure in
      RemoteError(
        .protocolFailure, host: host, "the server refused another channel (\(failure.message))",
        hint: "Its sshd_config may need a higher MaxSessions.")
    }
    do {
      _ = try await perform("starting the command", before: deadline) {
        guard !state.isClosed else {
          throw RemoteError(.closed, host: host, "the connection was closed")
        }
        return try engine.step(
          Int(
            libssh2_channel_process_startup(state.pointer, "exec", 4, command, UInt32(command.utf8.count))
          ))
      }
    } catch {
      closeChannel(state.id)
      guard error is LibSSH2Failure else { throw error }
      throw RemoteError(
        .protocolFailure, host: host, "the server refused to run a command (\(error))")
    }
    settle()
    return SSHChannel(session: self, id: state.id)
  }

  /// The session's turn must be held.
  /// - Parameters:
  ///   - message: what the kind of channel needs to be opened.
  ///   - refusal: what is said when the server refuses.
  func openChannel(
    _ kind: String, message: [UInt8] = [], window: Int, before deadline: ContinuousClock.Instant,
    refusal: (LibSSH2Failure) -> RemoteError
  ) async throws -> ChannelState {
    let pointer: OpaquePointer
    do {
      pointer = try await perform("opening a channel", before: deadline) {
        try message.withUnsafeBufferPointer { message in
          try message.withMemoryRebound(to: CChar.self) { message in
            try engine.step(
              libssh2_channel_open_ex(
                engine.session, kind, UInt32(kind.utf8.count), UInt32(window), Self.packetSize,
                message.isEmpty ? nil : message.baseAddress, UInt32(message.count)))
          }
        }
      }
    } catch let failure as LibSSH2Failure {
      throw refusal(failure)
    } catch {
      // The half-open state stays in libssh2 and would be taken up by the next call.
      fail(RemoteError(.closed, host: host, "a channel was given up while it was opened"))
      throw error
    }
    lastChannel += 1
    let state = ChannelState(id: lastChannel, pointer: pointer)
    channels[state.id] = state
    return state
  }

  private func channel(_ id: Int) throws -> ChannelState {
    guard let state = channels[id], !state.isClosed else {
      throw RemoteError(.closed, host: host, "the channel was closed")
    }
    return state
  }

  func readChannel(_ id: Int, upTo limit: Int) async throws -> [UInt8]? {
    let state = try channel(id)
    await state.readTurn.enter(isolation: self)
    defer { state.readTurn.leave() }
    return try await perform("reading") { () -> SSHStep<[UInt8]?> in
      _ = try channel(id)
      if let bytes = state.takeOutput(upTo: max(1, limit)) { return .done(bytes) }
      var result = 0
      let bytes = [UInt8](unsafeUninitializedCapacity: max(1, limit)) { buffer, count in
        result = buffer.withMemoryRebound(to: CChar.self) {
          libssh2_channel_read_ex(state.pointer, 0, $0.baseAddress, $0.count)
        }
        count = max(0, result)
      }
      if result > 0 { return .done(bytes) }
      // The end is not seen while standard error is unread.
      serviceStandardError(state)
      if libssh2_channel_eof(state.pointer) == 1 { return .done(nil) }
      if result == 0 { return .wouldBlock }
      _ = try engine.step(result)
      return .wouldBlock
    }
  }

  /// Throws when the command has ended, and when it takes nothing for as long as ``writePatience``.
  func writeChannel(_ id: Int, _ bytes: [UInt8]) async throws {
    let state = try channel(id)
    await state.writeTurn.enter(isolation: self)
    defer { state.writeTurn.leave() }
    guard !state.isWriteBroken, !state.finishedWriting else {
      throw RemoteError(.closed, host: host, "writing to the channel has ended")
    }
    var sent = 0
    do {
      while sent < bytes.count {
        let deadline = ContinuousClock.now + writePatience
        sent += try await perform("writing to a command that takes nothing", before: deadline) { () -> SSHStep<Int> in
          _ = try channel(id)
          guard engine.output.count < SSHEngine.outputLimit else { return .wouldBlock }
          let count = min(Self.writeUnit, bytes.count - sent)
          let result = bytes.withUnsafeBytes { buffer in
            libssh2_channel_write_ex(
              state.pointer, 0, (buffer.baseAddress! + sent).assumingMemoryBound(to: CChar.self),
              count)
          }
          // 0 says, like EAGAIN, that the peer's window is used up.
          let step = result == 0 ? .wouldBlock : try engine.step(result)
          if case .wouldBlock = step { try expectReader(state) }
          return step
        }
      }
    } catch {
      state.isWriteBroken = true
      throw remoteError(error, "writing to the channel")
    }
  }

  /// A window that is used up never opens again once the command has ended; libssh2 would wait for ever.
  private func expectReader(_ state: ChannelState) throws {
    guard hasExited(state) || isClosedByPeer(state) else { return }
    throw RemoteError(
      .connectionLost, host: host, "the command ended before it took all of its input",
      hint: "Run the same command again.")
  }

  /// Whether the peer told how the command ended; a success is not told from no word, and so is left to the close.
  private func hasExited(_ state: ChannelState) -> Bool {
    if libssh2_channel_get_exit_status(state.pointer) != 0 { return true }
    return exitSignal(state) != nil
  }

  /// Whether the peer closed the channel. `libssh2_channel_eof` hides that while output is unread, so what came before
  /// the end, a window at the most, is set aside for the reader.
  private func isClosedByPeer(_ state: ChannelState) -> Bool {
    guard libssh2_channel_wait_eof(state.pointer) == 0 else { return false }
    serviceStandardError(state)
    var buffer = [CChar](repeating: 0, count: 16 << 10)
    while libssh2_poll_channel_read(state.pointer, 0) == 1 {
      let count = libssh2_channel_read_ex(state.pointer, 0, &buffer, buffer.count)
      guard count > 0 else { break }
      state.appendOutput(buffer[..<count].map { UInt8(bitPattern: $0) })
    }
    return libssh2_channel_eof(state.pointer) == 1 && libssh2_channel_wait_closed(state.pointer) == 0
  }

  private func exitSignal(_ state: ChannelState) -> String? {
    var name: UnsafeMutablePointer<CChar>?
    var length = 0
    libssh2_channel_get_exit_signal(state.pointer, &name, &length, nil, nil, nil, nil)
    guard let name else { return nil }
    defer { libssh2_free(engine.session, name) }
    return String(decoding: UnsafeRawBufferPointer(start: name, count: length), as: UTF8.self)
  }

  /// Returns when the peer has written all that it will, whether or not that was read.
  func awaitEndOfChannel(_ id: Int) async throws {
    let state = try channel(id)
    _ = try await perform("the end of the output") { () -> SSHStep<Int> in
      _ = try channel(id)
      return try engine.step(Int(libssh2_channel_wait_eof(state.pointer)))
    }
  }

  func finishWritingChannel(_ id: Int) async throws {
    guard let state = channels[id], !state.isClosed, !state.finishedWriting else { return }
    await state.writeTurn.enter(isolation: self)
    defer { state.writeTurn.leave() }
    guard !state.finishedWriting else { return }
    state.finishedWriting = true
    _ = try await perform("ending the input") { () -> SSHStep<Int> in
      _ = try channel(id)
      return try engine.step(Int(libssh2_channel_send_eof(state.pointer)))
    }
  }

  /// How the command ended; waits for it. Call it when ``readChannel(_:upTo:)`` has returned `nil`.
  func exitOfChannel(_ id: Int, before deadline: ContinuousClock.Instant?) async throws
    -> CommandExit
  {
    let state = try channel(id)
    _ = try await perform("the end of the command", before: deadline) { () -> SSHStep<Int> in
      _ = try channel(id)
      serviceStandardError(state)
      guard libssh2_channel_eof(state.pointer) == 1 else { return .wouldBlock }
      return try engine.step(Int(libssh2_channel_wait_closed(state.pointer)))
    }
    if let signal = exitSignal(state) { return .signalled(signal) }
    return .exited(Int(libssh2_channel_get_exit_status(state.pointer)))
  }

  func standardErrorTail(_ id: Int) -> String {
    guard let state = channels[id] ?? lingering.first(where: { $0.id == id }) else { return "" }
    if !state.isClosed { serviceStandardError(state) }
    return String(decoding: state.standardErrorTail, as: UTF8.self)
  }

  func closeChannel(_ id: Int) {
    guard let state = channels.removeValue(forKey: id) else { return }
    state.isClosed = true
    // The peer answers a close only when its command has ended, so the free is tried again at each input.
    if libssh2_channel_free(state.pointer) == CInt(LIBSSH2_ERROR_EAGAIN) { lingering.append(state) }
    resumeAll()
  }

  /// After any input: moves it into the channels, empties the standard errors, and frees what can be freed.
  func serviceChannels() {
    for state in channels.values where libssh2_channel_eof(state.pointer) == 0 {
      // This call does nothing but take packets in; a failure shows again in the calls that wait.
      if libssh2_channel_wait_eof(state.pointer) != 0 { break }
    }
    for state in channels.values { serviceStandardError(state) }
    lingering.removeAll { libssh2_channel_free($0.pointer) != CInt(LIBSSH2_ERROR_EAGAIN) }
  }

  private func serviceStandardError(_ state: ChannelState) {
    guard !state.isClosed else { return }
    var buffer = [CChar](repeating: 0, count: 16 << 10)
    // Asked first, since each read widens the window, whether or not anything was there.
    while libssh2_poll_channel_read(state.pointer, Self.standardErrorStream) == 1 {
      let count = libssh2_channel_read_ex(
        state.pointer, Self.standardErrorStream, &buffer, buffer.count)
      guard count > 0 else { return }
      state.appendStandardError(buffer[..<count].map { UInt8(bitPattern: $0) }[...])
    }
  }
}
