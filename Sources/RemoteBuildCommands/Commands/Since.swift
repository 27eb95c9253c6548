// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// A moment in the past, as a person types it: a time, or how long ago.
enum Since: Sendable, Hashable, ExpressibleByArgument {
  case ago(seconds: Double)
  case at(Date)

  init?(argument: String) {
    if let seconds = Self.duration(argument) {
      self = .ago(seconds: seconds)
    } else if let date = Self.time(argument, now: Date(), Calendar.current) {
      self = .at(date)
    } else {
      return nil
    }
  }

  /// Seconds from then until `now`, by one clock: what a host's own clock says does not matter.
  func secondsAgo(_ now: Date) -> Double {
    switch self {
    case .ago(let seconds): seconds
    case .at(let date): max(0, now.timeIntervalSince(date))
    }
  }

  /// `90s`, `10m`, `1h30m`, `2d`, or a number of seconds.
  static func duration(_ text: String) -> Double? {
    if let seconds = UInt32(text) { return Double(seconds) }
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
    var total = 0.0
    var rest = text[...]
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      guard let number = UInt32(digits), let unit = rest.popFirst().flatMap({ units[$0] }) else { return nil }
      total += Double(number) * unit
    }
    return text.isEmpty ? nil : total
  }

  /// ISO 8601 with a zone, the same without one for the time here, a day, or a time of today.
  static func time(_ text: String, now: Date, _ calendar: Calendar) -> Date? {
    if let date = try? Date(text, strategy: .iso8601) { return date }
    let halves = text.split(omittingEmptySubsequences: false) { $0 == "T" || $0 == " " }
    guard (1...2).contains(halves.count) else { return nil }
    let clock = numbers(halves.last ?? "", ":")
    let day = numbers(halves.first ?? "", "-")
    var parts = calendar.dateComponents([.year, .month, .day], from: now)
    if let day, day.count == 3 {
      (parts.year, parts.month, parts.day) = (day[0], day[1], day[2])
    } else if halves.count == 2 || clock == nil {
      return nil
    }
    if let clock, halves.count == 2 || day == nil {
      guard (2...3).contains(clock.count), clock[0] < 24, clock[1] < 60 else { return nil }
      (parts.hour, parts.minute, parts.second) = (clock[0], clock[1], clock.count > 2 ? clock[2] : 0)
    } else if halves.count == 2 {
      return nil
    }
    return calendar.date(from: parts)
  }

  private static func numbers(_ text: Substring, _ separator: Character) -> [Int]? {
    let numbers = text.split(separator: separator, omittingEmptySubsequences: false).map { Int($0) }
    return numbers.count > 1 && numbers.allSatisfy { $0 != nil && $0! >= 0 } ? numbers.compactMap { $0 } : nil
  }
}
