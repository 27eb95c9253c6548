// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// What a service refuses, and why: an error that crosses the wire.
public struct ServiceFailure: Error, Codable, Hashable, Sendable, CustomStringConvertible {
  /// A word that the other side can match on, such as `lease-held`; each service lists its own.
  public var code: String
  /// What happened, for a person.
  public var message: String
  /// Further facts by name, such as the paths concerned.
  public var details: [String: [String]]

  public init(_ code: String, _ message: String, details: [String: [String]] = [:]) {
    self.code = code
    self.message = message
    self.details = details
  }

  public var description: String { message }
}

/// What an agent says before anything is asked of it.
public struct Hello: Codable, Hashable, Sendable {
  /// The version of this protocol; client and agent always match, since the client installs its own agent.
  public var wire: Int
  /// The agent's version, for people.
  public var version: String
  /// What `uname -m` would print.
  public var machine: String
  /// The user's home directory on the host.
  public var home: String
  /// The host's clock, in seconds since 1970.
  public var clock: Double

  public static let currentWire = 1

  public init(version: String, machine: String, home: String, clock: Double) {
    wire = Self.currentWire
    self.version = version
    self.machine = machine
    self.home = home
    self.clock = clock
  }
}

/// The frames of a call, shared by all services.
///
/// The agent sends `hello` first. Then the client makes calls, one after another: `call` with the service's name and
/// its parameters; what the service and the client exchange meanwhile are frames of the service's own kinds; the
/// service ends the call with `result` or `failure`.
public enum CallKind {
  public static let hello: UInt8 = 1
  public static let call: UInt8 = 2
  public static let result: UInt8 = 3
  public static let failure: UInt8 = 4
}

extension FrameConnection {
  /// Sends a value as a frame of JSON.
  public func send(_ kind: UInt8, json value: some Encodable) async throws {
    try await send(Frame(kind: kind, payload: try Self.json(value)))
  }

  /// The frame that begins a call of `service`, for those that send their first data in the same write.
  public static func call(_ service: String, _ parameters: some Encodable) throws -> Frame {
    var encoder = MessageEncoder()
    encoder.write(service)
    encoder.write(try json(parameters))
    return Frame(kind: CallKind.call, payload: encoder.bytes)
  }

  /// Calls a service that exchanges no frames of its own, and returns its result.
  /// Throws the service's ``ServiceFailure``, or ``WireError``.
  public func call<Result: Decodable>(
    _ service: String, _ parameters: some Encodable, returning: Result.Type = Result.self
  ) async throws -> Result {
    try await send(Self.call(service, parameters))
    guard let frame = try await receive() else {
      throw WireError(.truncated, "the agent ended before it answered '\(service)'")
    }
    return try Self.result(frame)
  }

  /// What the agent says first. Throws when the stream ends, or when it is not an agent that answers.
  public func receiveHello() async throws -> Hello {
    guard let frame = try await receive() else { throw WireError(.truncated, "the agent ended before it said hello") }
    guard frame.kind == CallKind.hello else { throw WireError(.malformed, "a frame of kind \(frame.kind) for hello") }
    return try Self.decode(Hello.self, frame.payload)
  }

  /// Reads a frame that ends a call: the result, or the service's failure, thrown.
  public static func result<Result: Decodable>(_ frame: Frame, as: Result.Type = Result.self) throws -> Result {
    switch frame.kind {
    case CallKind.result: return try decode(Result.self, frame.payload)
    case CallKind.failure: throw try decode(ServiceFailure.self, frame.payload)
    default: throw WireError(.malformed, "a frame of kind \(frame.kind) where a call should end")
    }
  }

  public static func json(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value))
  }

  /// Throws ``WireError`` with `malformed` where the bytes are no such value.
  public static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      throw WireError(.malformed, "not a \(type): \(error)")
    }
  }
}

/// An empty value, for calls without parameters or result.
public struct Nothing: Codable, Hashable, Sendable {
  public init() {}
}
