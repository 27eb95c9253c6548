// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Subprocess
internal import SystemPackage

/// A running lab: real servers on loopback, gone when the lab ends.
public final class Lab: Sendable {
  public let description: LabDescription
  private let requests: AsyncStream<Request>.Continuation

  init(description: LabDescription, requests: AsyncStream<Request>.Continuation) {
    self.description = description
    self.requests = requests
  }

  /// Opens a proxy to a host.
  ///
  /// - Parameter name: the proxy's name in the ssh_config; made up when nil.
  public func proxy(toHost host: String, name: String? = nil) async throws -> LabProxy {
    try await openProxy(to: host, name: name)
  }

  /// Opens a proxy to a registry.
  public func proxy(toRegistry kind: LabRegistry.Kind, name: String? = nil) async throws -> LabProxy {
    try await openProxy(to: kind.rawValue, name: name)
  }

  /// Starts one host more.
  public func addHost(_ host: LabOptions.Host) async throws -> LabHost {
    struct Order: Encodable {
      var `do` = "host"
      var with: LabOptions.Host
    }
    return try await command(Order(with: host), answer: LabHost.self)
  }

  /// Whether the lying registry lies; it does from the start.
  public func lie(_ on: Bool) async throws {
    struct Order: Encodable {
      var `do` = "lie"
      var on: Bool
    }
    try await command(Order(on: on))
  }

  /// A known_hosts file that holds another key for the host than the host has.
  public func knownHostsWithAnotherKey(for host: String) async throws -> LabPath {
    struct Order: Encodable {
      var `do` = "new-host-key"
      var host: String
    }
    struct Answer: Decodable {
      let knownHosts: LabPath
    }
    return try await command(Order(host: host), answer: Answer.self).knownHosts
  }

  private func openProxy(to: String, name: String?) async throws -> LabProxy {
    struct Order: Encodable {
      var `do` = "proxy"
      var to: String
      var name: String?
    }
    let opened = try await command(Order(to: to, name: name), answer: LabProxy.Opened.self)
    return LabProxy(lab: self, name: opened.proxy, port: opened.port)
  }

  // MARK: Commands

  struct Request: Sendable {
    let line: String
    let answer: CheckedContinuation<String, any Error>
  }

  private struct Nothing: Decodable {}

  private struct Answer<Value: Decodable>: Decodable {
    let ok: Bool
    let answer: Value?
    let error: String?
  }

  func command(_ order: some Encodable) async throws {
    _ = try await command(order, answer: Nothing.self)
  }

  func command<Value: Decodable>(_ order: some Encodable, answer: Value.Type) async throws -> Value {
    let request = try line(of: order)
    let response = try await withCheckedThrowingContinuation { continuation in
      if case .terminated = requests.yield(Request(line: request, answer: continuation)) {
        continuation.resume(throwing: LabError(code: .command, description: "the lab has ended"))
      }
    }
    let decoded = try JSONDecoder().decode(Answer<Value>.self, from: Data(response.utf8))
    guard decoded.ok, let value = decoded.answer else {
      throw LabError(code: .command, description: "the lab refused \(request): \(decoded.error ?? response)")
    }
    return value
  }
}

/// Starts a lab, gives it to the body, and ends it: when this returns or throws, its processes and files are gone.
public func withLab<Value: Sendable>(
  _ options: LabOptions = LabOptions(), _ body: @Sendable (Lab) async throws -> Value
) async throws -> Value {
  // Whoever is gone while it is written to fails a test; it does not end the process of all tests.
  signal(SIGPIPE, SIG_IGN)
  var platformOptions = PlatformOptions()
  // On cancellation the lab is asked to clean up before it is killed.
  platformOptions.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(60))]
  let program = FilePath(#filePath).removingLastComponent().appending("lab")
  let outcome = try await run(
    .name("python3"), arguments: Arguments([program.string] + options.arguments()), platformOptions: platformOptions,
    input: .inputWriter, output: .sequence, error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
  ) { execution -> Result<Value, any Error> in
    var lines = execution.standardOutput.strings().makeAsyncIterator()
    let description: LabDescription
    do {
      description = try startup(try await lines.next())
    } catch {
      return .failure(error)
    }
    let (stream, requests) = AsyncStream.makeStream(of: Lab.Request.self)
    let lab = Lab(description: description, requests: requests)
    async let ended: Result<Value, any Error> = {
      defer { requests.finish() }
      do {
        return .success(try await body(lab))
      } catch {
        return .failure(error)
      }
    }()
    for await request in stream {
      do {
        _ = try await execution.standardInputWriter.write(request.line + "\n")
        guard let line = try await lines.next() else {
          throw LabError(code: .command, description: "the lab ended instead of answering \(request.line)")
        }
        request.answer.resume(returning: line)
      } catch {
        request.answer.resume(throwing: error)
      }
    }
    return await ended
  }
  return try outcome.closureResult.get()
}

private func startup(_ line: String?) throws -> LabDescription {
  struct Failure: Decodable {
    let error: String
  }
  guard let line else {
    throw LabError(code: .start, description: "the lab ended before it was ready; its standard error says why")
  }
  if let failure = try? JSONDecoder().decode(Failure.self, from: Data(line.utf8)) {
    throw LabError(code: .start, description: "the lab did not start: \(failure.error)")
  }
  return try JSONDecoder().decode(LabDescription.self, from: Data(line.utf8))
}

/// A value as one line of JSON.
func line(of value: some Encodable) throws -> String {
  String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
}
