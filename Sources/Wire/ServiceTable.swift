// SPDX-License-Identifier: Apache-2.0

/// What an agent serves: services by name.
public struct ServiceTable: Sendable {
  /// A service reads its parameters (JSON), may exchange frames on the connection, and returns the JSON of its result.
  public typealias Service = @Sendable (_ parameters: [UInt8], _ connection: FrameConnection) async throws -> [UInt8]

  private var services: [String: Service] = [:]

  public init() {}

  /// Adds a service whose parameters and result are values.
  public mutating func add<Parameters: Decodable & SendableMetatype, Result: Encodable & SendableMetatype>(
    _ name: String, _ body: @escaping @Sendable (Parameters, FrameConnection) async throws -> Result
  ) {
    services[name] = { parameters, connection in
      try FrameConnection.json(try await body(FrameConnection.decode(Parameters.self, parameters), connection))
    }
  }

  /// Says hello, then answers calls until the client finishes. A service's ``ServiceFailure`` is sent to the client and
  /// the next call awaited; any other error is sent as `internal`, and ends the connection, for its state is unknown.
  public func serve(_ connection: FrameConnection, hello: Hello) async throws {
    try await connection.send(CallKind.hello, json: hello)
    while let frame = try await connection.receive() {
      guard frame.kind == CallKind.call else {
        throw WireError(.malformed, "a frame of kind \(frame.kind) outside of a call")
      }
      var decoder = MessageDecoder(frame.payload)
      let name = try decoder.readString()
      let parameters = try decoder.readBytes()
      do {
        guard let service = services[name] else {
          throw ServiceFailure("no-such-service", "the agent has no service '\(name)'")
        }
        try await connection.send(Frame(kind: CallKind.result, payload: try await service(parameters, connection)))
      } catch let failure as ServiceFailure {
        try await connection.send(CallKind.failure, json: failure)
      } catch {
        try? await connection.send(CallKind.failure, json: ServiceFailure("internal", "\(error)"))
        throw error
      }
    }
  }
}
