// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// The way to a host: its jump hosts in the order in which they are passed, and the host itself, each with its own
/// configuration.
struct Route: Hashable, Sendable {
  struct Hop: Hashable, Sendable {
    /// The jump host as the configuration names it; `nil` for the host itself.
    var jump: JumpHost?
    var resolution: HostResolution
  }

  /// The first is reached from here, each other one through the one before it.
  var hops: [Hop]

  /// More than anybody has; configurations can name one another without end.
  private static let most = 16

  /// Asks `ssh -G` for the host, then for each jump host, as OpenSSH starts an `ssh` for each: with its own user, port,
  /// keys and known_hosts, and its own ProxyJump or ProxyCommand where the list before it is at its end.
  static func resolve(
    name: String, user: String?, port: Int?, configuration: FilePath?, host: String, environment: [String: String]
  ) async throws -> Route {
    struct Question: Hashable {
      var hop: JumpHost
      var jump: String?
    }
    var hops: [Hop] = []
    var asked: Set<Question> = []
    var jump: JumpHost?
    var question = Question(hop: JumpHost(name: name, user: user, port: port), jump: nil)
    while true {
      guard asked.insert(question).inserted, hops.count < most else {
        throw RemoteError(
          .configuration, host: host,
          "ProxyJump of the ssh configuration goes in a circle: \(question.hop) is reached through itself",
          hint: "Write 'ProxyJump none' for \(question.hop.name) in the ssh configuration.")
      }
      let resolution: HostResolution
      do {
        resolution = try await HostResolution.resolve(
          name: question.hop.name, user: question.hop.user, port: question.hop.port, jump: question.jump,
          configuration: configuration, host: host, environment: environment)
      } catch let error as RemoteError {
        // OpenSSH itself finds the smallest circle.
        throw error.at(jump)
      }
      hops.insert(Hop(jump: jump, resolution: resolution), at: 0)
      guard let list = resolution.proxyJump else { return Route(hops: hops) }
      guard let (next, before) = JumpHost.last(of: list) else {
        throw RemoteError(
          .configuration, host: host, "ProxyJump of the ssh configuration cannot be read: \(list)",
          hint: "Write user@host:port, with commas in between.")
      }
      jump = next
      question = Question(hop: next, jump: before)
    }
  }
}

extension JumpHost {
  init(name: String, user: String?, port: Int?) {
    (self.name, self.user, self.port) = (name, user, port)
  }
}

extension RemoteError {
  /// The same, said of a jump host on the way; the one nearest to the failure is named.
  func at(_ jump: JumpHost?) -> RemoteError {
    guard let jump, jumpHost == nil else { return self }
    var error = self
    error.jumpHost = jump.description
    error.message = "at the jump host \(jump): \(message)"
    return error
  }
}
