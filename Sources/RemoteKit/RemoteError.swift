// SPDX-License-Identifier: Apache-2.0

/// Why a host could not be reached or used: a code to match on, and words for a person.
public struct RemoteError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: String, Hashable, Sendable {
    /// known_hosts says nothing about the host.
    case unknownHostKey
    /// known_hosts holds another key for the host.
    case changedHostKey
    /// known_hosts marks the host's key as revoked.
    case revokedHostKey
    /// No key was accepted for the user.
    case authenticationRefused
    /// The name does not resolve, or nothing answers at the address.
    case unreachable
    /// Something did not happen before its deadline, or the peer fell silent.
    case timedOut
    /// The connection broke after it stood.
    case connectionLost
    /// This side closed the connection, or the task was cancelled.
    case closed
    /// There is no agent for the host's platform among those installed here.
    case noAgentForPlatform
    /// The agent could not be installed or started, or ended before it said hello.
    case agentFailed
    /// The host or its configuration asks for something that is not supported with its transport.
    case unsupported
    /// `ssh` could not read its configuration, or does not exist here.
    case configuration
    /// The peers share no method, or the peer broke the protocol.
    case protocolFailure
  }

  public var code: Code
  /// The host as the user named it.
  public var host: String
  public var message: String
  /// What to type or to change next.
  public var hint: String?
  /// The jump host on the way at which it happened; the message names it too.
  public var jumpHost: String?

  public init(_ code: Code, host: String, _ message: String, hint: String? = nil) {
    self.code = code
    self.host = host
    self.message = message
    self.hint = hint
  }

  public var description: String { "\(host): \(message)" + (hint.map { "\n\($0)" } ?? "") }
}
