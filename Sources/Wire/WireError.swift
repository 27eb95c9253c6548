// SPDX-License-Identifier: Apache-2.0

/// What can go wrong below the messages: the stream broke, or the peer sent what is not in the protocol.
public struct WireError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: String, Hashable, Sendable {
    /// The stream was closed on this side.
    case closed
    /// The stream ended in the middle of a frame, or before an answer.
    case truncated
    /// The peer announced more than the cap allows.
    case tooLarge
    /// The bytes are not a message of this protocol.
    case malformed
    /// The operating system refused; `context` says why.
    case io
  }

  public var code: Code
  public var context: String

  public init(_ code: Code, _ context: String) {
    self.code = code
    self.context = context
  }

  public var description: String { "\(context) (\(code.rawValue))" }
}
