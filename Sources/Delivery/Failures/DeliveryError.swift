// SPDX-License-Identifier: Apache-2.0

/// Why a run, or a host's part in it, ended early: in the order in which a person wants to know.
public struct DeliveryError: Error, Sendable, Codable, Hashable {
  public var status: ExitStatus
  /// The host that it concerns, by its name in the inventory; `nil` when it concerns none.
  public var host: String?
  /// What happened, in one sentence without a full stop.
  public var what: String
  /// Facts that belong to it, a line each: the last output of a failed step, the paths concerned.
  public var details: [String]
  /// What was left behind, or that nothing was.
  public var leftBehind: String?
  /// What to do next, the nearest first; a command where there is one.
  public var next: [String]

  public init(
    _ status: ExitStatus, host: String? = nil, _ what: String, details: [String] = [], leftBehind: String? = nil,
    next: [String] = []
  ) {
    self.status = status
    self.host = host
    self.what = what
    self.details = details
    self.leftBehind = leftBehind
    self.next = next
  }

  /// The same error with its host filled in where it named none.
  public func on(_ host: String?) -> DeliveryError {
    var error = self
    error.host = self.host ?? host
    return error
  }
}

extension DeliveryError: CustomStringConvertible {
  public var description: String { (host.map { "\($0): " } ?? "") + what }
}
