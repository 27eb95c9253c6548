// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// A stream over a connection of the system's `ssh`: a process whose standard input and output are those of a command on
/// the host.
final class OpenSSHChannel: CommandStream {
  private let process: LocalProcess
  private let link: OpenSSHLink
  private let isClosed = Latch()

  /// What a process may take to end once its input has.
  private static let grace: Duration = .seconds(5)

  init(_ process: LocalProcess, of link: OpenSSHLink) { (self.process, self.link) = (process, link) }

  func read(upTo limit: Int) async throws -> [UInt8]? {
    do {
      if let bytes = try await process.read(upTo: limit) { return bytes }
    } catch {
      throw await cause(of: error)
    }
    // The end of the command's output, or of the connection: the pipes look the same.
    try await checkEnd()
    return nil
  }

  func write(_ bytes: [UInt8]) async throws {
    do {
      try await process.write(bytes)
    } catch {
      throw await cause(of: error)
    }
  }

  func finishWriting() async throws { try await process.finishWriting() }

  func untilEndOfOutput() async throws {
    try await process.child.untilEnd()
    if isClosed.isOpen { throw closed }
    try await checkEnd()
  }

  func standardErrorTail() async -> String { process.standardErrorTail }

  /// What was written still arrives; the process is ended when it does not end by itself.
  func close() async {
    isClosed.open()
    await process.close()
    process.child.end(after: Self.grace)
  }

  private var closed: RemoteError { RemoteError(.closed, host: link.host, "the channel was closed") }

  /// Throws where it was not the command that ended. `ssh` itself ends with 255, which an agent does not.
  private func checkEnd() async throws {
    guard await process.child.hasEnded(within: Self.grace), process.child.exit != .exited(0) else { return }
    guard process.child.exit == .exited(255) else { return }
    if let failure = await link.failure(await process.child.lastWords()) { throw failure }
  }

  private func cause(of error: any Error) async -> any Error {
    guard error is WireError else { return error }
    if isClosed.isOpen { return closed }
    guard await process.child.hasEnded(within: Self.grace) else { return error }
    if process.child.exit == .exited(255), let failure = await link.failure(await process.child.lastWords()) {
      return failure
    }
    return RemoteError(
      .connectionLost, host: link.host, "the command ended before it took all of its input",
      hint: "Run the same command again.")
  }
}
