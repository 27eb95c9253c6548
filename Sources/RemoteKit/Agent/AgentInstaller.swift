// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// Leads a stream on which ``AgentBootstrap`` has just been started to the point where the agent itself speaks.
struct AgentInstaller: Sendable {
  var host: String
  var agents: [String: AgentFile]
  /// For each answer of the host; the upload itself takes as long as it takes.
  var timeout: Duration

  /// Throws ``RemoteError`` when the host takes no agent. What follows on the returned stream is the agent's.
  func start(on stream: any ByteStream) async throws -> any ByteStream {
    var lines = BootstrapReader(stream: stream)
    var answer = try await next(&lines)
    if answer.first == "missing" {
      let architecture = answer.last == "aarch64" || answer.last == "arm64" ? "arm64" : "amd64"
      guard let agent = agents[architecture] else { throw nonsense(answer) }
      guard let bytes = await agent.contents() else {
        throw RemoteError(
          .agentFailed, host: host, "the agent \(agent.path) was replaced meanwhile",
          hint: "Run the same command again.")
      }
      answer = try await upload(bytes, to: stream, &lines)
    }
    switch answer.first {
    case "ready": return PrefacedStream(preface: lines.rest, stream)
    case "unsupported":
      throw RemoteError(
        .noAgentForPlatform, host: host,
        "there is no agent for \(answer.dropFirst().joined(separator: " ")) among those installed here "
          + "(\(agents.isEmpty ? "none" : agents.keys.sorted().map { "linux-\($0)" }.joined(separator: ", ")))",
        hint: "Install one into libexec/agents beside the program.")
    case "failed":
      throw RemoteError(
        .agentFailed, host: host,
        "the agent could not be installed: \(answer.dropFirst().joined(separator: " "))",
        hint: "Check the space and the permissions of ~/.cache there.")
    case "noexec":
      throw RemoteError(
        .agentFailed, host: host,
        "nothing can be executed on the filesystem that holds \(answer.dropFirst().joined(separator: " ")): it is mounted "
          + "noexec",
        hint:
          "Mount it with exec there (mount -o remount,exec DIRECTORY), or make ~/.cache a link to where programs run.")
    default: throw nonsense(answer)
    }
  }

  /// Writes the agent's bytes, and reads meanwhile: a host that takes no more says why, such as a full disk.
  private func upload(
    _ bytes: [UInt8], to stream: any ByteStream, _ lines: inout BootstrapReader
  ) async throws -> [String] {
    let (reader, timeout, host) = (lines, timeout, host)
    let (line, rest) = try await withThrowingTaskGroup(of: (String?, BootstrapReader).self) { group in
      group.addTask {
        var reader = reader
        return (try await reader.next(), reader)
      }
      group.addTask {
        var reason: any Error = RemoteError(
          .timedOut, host: host, "installing the agent took longer than \(timeout) and was given up",
          hint: Deadline.hint)
        do { try await stream.write(bytes) } catch { reason = error }
        // Only now the host owes an answer, also where it took no more.
        try await Task.sleep(for: timeout)
        throw reason
      }
      defer { group.cancelAll() }
      guard let said = try await group.next() else { throw CancellationError() }
      return said
    }
    lines = rest
    return try words(line, lines)
  }

  private func next(_ lines: inout BootstrapReader) async throws -> [String] {
    let reader = lines
    let (line, rest) = try await Deadline.run(timeout, host: host, "starting the agent") {
      var reader = reader
      return (try await reader.next(), reader)
    }
    lines = rest
    return try words(line, lines)
  }

  private func words(_ line: String?, _ lines: BootstrapReader) throws -> [String] {
    guard let line else {
      let said = lines.noise.isEmpty ? "" : "; it said: \(lines.noise.suffix(400))"
      throw RemoteError(
        .agentFailed, host: host, "the login shell ended before the agent was started\(said)")
    }
    return line.split(separator: " ").map(String.init)
  }

  private func nonsense(_ answer: [String]) -> RemoteError {
    RemoteError(
      .agentFailed, host: host, "an answer that means nothing: \(answer.joined(separator: " "))")
  }
}

/// Finds the bootstrap's lines among whatever else comes from a login shell.
private struct BootstrapReader: Sendable {
  let stream: any ByteStream
  private(set) var rest: [UInt8] = []
  private(set) var noise = ""
  private static let mostNoise = 256 << 10

  init(stream: any ByteStream) { self.stream = stream }

  /// The next line after the marker; `nil` when the stream ends without one.
  mutating func next() async throws -> String? {
    let marker = Array(AgentBootstrap.marker.utf8)
    while true {
      if let start = rest.firstRange(of: marker),
        let end = rest[start.upperBound...].firstIndex(of: 10)
      {
        let line = String(decoding: rest[start.upperBound..<end], as: UTF8.self)
        rest.removeFirst(end + 1)
        return line
      }
      guard rest.count < Self.mostNoise, let more = try await stream.read(upTo: 64 << 10) else {
        noise = String(decoding: rest, as: UTF8.self)
        return nil
      }
      rest += more
    }
  }
}
