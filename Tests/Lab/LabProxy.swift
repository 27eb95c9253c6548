// SPDX-License-Identifier: Apache-2.0

/// A TCP proxy in front of a host or a registry, which can be slow, cut and frozen.
///
/// One to a host has an entry of its own name in the lab's ssh_config, and its port in known_hosts.
public struct LabProxy: Sendable {
  /// Towards the server, or towards the client.
  public enum Direction: String, Sendable, Encodable {
    case up, down
  }

  /// What has passed through the proxy so far.
  public struct Traffic: Sendable, Decodable {
    /// Bytes towards the server.
    public let up: Int
    /// Bytes towards the client.
    public let down: Int
    /// Connections accepted.
    public let connections: Int
    /// Connections open now.
    public let open: Int
  }

  struct Opened: Decodable {
    let proxy: String
    let port: UInt16
  }

  struct Order: Encodable {
    var `do`: String
    var proxy: String
    var up: Int?
    var down: Int?
    var after: Int?
    var direction: Direction?
    var on: Bool?
  }

  let lab: Lab
  public let name: String
  public let port: UInt16
  public var address: String { "127.0.0.1:\(port)" }

  /// Delays each direction from now on, in whole milliseconds; the bandwidth stays.
  public func delay(up: Duration = .zero, down: Duration = .zero) async throws {
    _ = try await order(Order(do: "delay", proxy: name, up: up.milliseconds, down: down.milliseconds))
  }

  /// Resets every open connection now.
  public func cut() async throws {
    try await lab.command(Order(do: "cut", proxy: name))
  }

  /// Resets every connection once so many bytes more have passed in a direction; connections after that are free.
  public func cut(after bytes: Int, direction: Direction) async throws {
    _ = try await order(Order(do: "cut", proxy: name, after: bytes, direction: direction))
  }

  /// Stops forwarding in both directions; connections stay open, as those to a machine that lost its power do.
  public func freeze() async throws {
    _ = try await order(Order(do: "freeze", proxy: name))
  }

  public func thaw() async throws {
    _ = try await order(Order(do: "thaw", proxy: name))
  }

  /// Resets every connection, and each new one at once, until called with false.
  public func refuse(_ on: Bool = true) async throws {
    _ = try await order(Order(do: "refuse", proxy: name, on: on))
  }

  public func traffic() async throws -> Traffic {
    try await order(Order(do: "carried", proxy: name))
  }

  private func order(_ order: Order) async throws -> Traffic {
    try await lab.command(order, answer: Traffic.self)
  }
}

extension Duration {
  fileprivate var milliseconds: Int {
    Int(components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000)
  }
}
