// SPDX-License-Identifier: Apache-2.0

/// What went wrong with the lab itself, never with what is tested in it.
public struct LabError: Error, CustomStringConvertible {
  public enum Code: Sendable {
    /// The lab did not start: something is missing on this machine, or a server did not come up.
    case start
    /// The lab refused a command, or was gone when it came.
    case command
  }

  public let code: Code
  public let description: String

  public init(code: Code, description: String) {
    self.code = code
    self.description = description
  }
}
