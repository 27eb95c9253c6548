// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// A short command to be run on the host while the client waits.
public struct CommandRequest: Codable, Hashable, Sendable {
  /// The command; without a `/` in its first word, `PATH` is searched.
  public var argv: [String]
  /// Added to the environment that the agent has.
  public var environment: [String: String]
  /// Where it runs.
  public var directory: String
  /// What it reads on its standard input; at most some hundred kilobytes.
  public var stdin: String?
  /// Seconds until it is killed with all of its process group.
  public var timeout: Double
  /// What its Docker may log in to registries with. Kept in memory only.
  public var credentials: [CredentialEntry]

  public init(
    argv: [String], environment: [String: String] = [:], directory: String = "/", stdin: String? = nil,
    timeout: Double = 60, credentials: [CredentialEntry] = []
  ) {
    self.argv = argv
    self.environment = environment
    self.directory = directory
    self.stdin = stdin
    self.timeout = timeout
    self.credentials = credentials
  }
}

/// How a command ended. A non-zero exit is not an error, nor is a timeout.
public struct CommandResult: Codable, Hashable, Sendable {
  /// The exit status; `nil` when a signal ended it.
  public var status: Int?
  public var signal: Int?
  /// Whether it was killed at its deadline.
  public var timedOut: Bool
  /// The first MiB of each.
  public var standardOutput: [UInt8]
  public var standardError: [UInt8]
  /// Whether either of them was longer.
  public var truncated: Bool

  public init(
    status: Int?, signal: Int? = nil, timedOut: Bool = false, standardOutput: [UInt8], standardError: [UInt8],
    truncated: Bool = false
  ) {
    self.status = status
    self.signal = signal
    self.timedOut = timedOut
    self.standardOutput = standardOutput
    self.standardError = standardError
    self.truncated = truncated
  }

  public var succeeded: Bool { status == 0 }

  /// Standard output as text; bytes that are no UTF-8 are replaced.
  public var stdout: String { String(decoding: standardOutput, as: UTF8.self) }

  /// Standard error, likewise.
  public var stderr: String { String(decoding: standardError, as: UTF8.self) }

  /// Standard output without the white space around it.
  public var text: String {
    let text = stdout
    guard let last = text.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(text[...last].drop { $0.isWhitespace })
  }

  /// The last line on standard error that is not blank: mostly the one that says why.
  public var lastErrorLine: String? {
    stderr.split(whereSeparator: \.isNewline).last { !$0.allSatisfy(\.isWhitespace) }.map(String.init)
  }
}

extension CommandResult {
  private enum CodingKeys: String, CodingKey {
    case status, signal, timedOut, standardOutput, standardError, truncated
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      status: try container.decodeIfPresent(Int.self, forKey: .status),
      signal: try container.decodeIfPresent(Int.self, forKey: .signal),
      timedOut: try container.decode(Bool.self, forKey: .timedOut),
      standardOutput: Array(try container.decode(Data.self, forKey: .standardOutput)),
      standardError: Array(try container.decode(Data.self, forKey: .standardError)),
      truncated: try container.decode(Bool.self, forKey: .truncated))
  }

  /// The outputs go as base64, so that whatever a command writes fits into a frame.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encodeIfPresent(status, forKey: .status)
    try container.encodeIfPresent(signal, forKey: .signal)
    try container.encode(timedOut, forKey: .timedOut)
    try container.encode(Data(standardOutput), forKey: .standardOutput)
    try container.encode(Data(standardError), forKey: .standardError)
    try container.encode(truncated, forKey: .truncated)
  }
}
