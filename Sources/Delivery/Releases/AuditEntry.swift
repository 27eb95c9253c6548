// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// A line of the audit log: who did what to which image, from where, and how it ended.
public struct AuditEntry: Codable, Sendable, Hashable {
  public enum Result: String, Codable, Sendable {
    /// It is about to be done: what follows may be missing where the program was killed.
    case begun
    case done
    case undone
    case failed
  }

  /// One command has one id; its lines are told apart by their results.
  public var id: String
  /// ISO 8601, UTC.
  public var time: String
  /// `user@laptop`.
  public var who: String
  /// `promote`, `rollback`, `build`.
  public var command: String
  /// `registry/owner/name`.
  public var image: String
  public var channel: String?
  public var from: Digest?
  public var to: Digest?
  /// The version that it was moved to, where that is known.
  public var version: String?
  public var result: Result
  /// Why it failed.
  public var reason: String?

  init(id: String, who: String, command: String, image: String, result: Result) {
    self.id = id
    self.time = Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    self.who = who
    self.command = command
    self.image = image
    self.result = result
  }

  /// As a line, without a line feed. JSON escapes control characters, so it is one line whatever the values hold.
  var line: String? {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) }
  }

  init?(line: String) {
    guard let entry = try? JSONDecoder().decode(AuditEntry.self, from: Data(line.utf8)) else { return nil }
    self = entry
  }
}

extension AuditEntry: CustomStringConvertible {
  public var description: String {
    let place = image + (channel.map { ":\($0)" } ?? "")
    let course = [from?.short, to?.short].compactMap(\.self).joined(separator: " → ")
    return [time, who, command, place, course, version, result.rawValue, reason].compactMap(\.self)
      .filter { !$0.isEmpty }.joined(separator: "  ")
  }
}
