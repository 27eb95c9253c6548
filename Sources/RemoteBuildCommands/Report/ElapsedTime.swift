// SPDX-License-Identifier: Apache-2.0

/// A span of time for people: `0.21 s`, `47.5 s`, `2m03s`, `1h04m`.
struct ElapsedTime: Sendable, CustomStringConvertible {
  var seconds: Double

  init(_ seconds: Double) { self.seconds = seconds.isFinite ? max(0, seconds) : 0 }

  var description: String {
    if seconds < 0.995 { return decimal(hundredths: Int((seconds * 100).rounded()), digits: 2) + " s" }
    if seconds < 59.95 { return decimal(hundredths: Int((seconds * 10).rounded()) * 10, digits: 1) + " s" }
    return Self.long(Int(min(seconds, 1e15).rounded()))
  }

  /// For a clock that runs: whole seconds, rounded down.
  var clock: String {
    let whole = Int(min(seconds, 1e15))
    return whole < 60 ? "\(whole) s" : Self.long(whole)
  }

  private static func long(_ whole: Int) -> String {
    whole < 3600
      ? "\(whole / 60)m\(twoDigits(whole % 60))s"
      : "\(whole / 3600)h\(twoDigits(whole % 3600 / 60))m"
  }

  private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  private func decimal(hundredths: Int, digits: Int) -> String {
    let fraction = hundredths % 100
    return "\(hundredths / 100)." + (digits == 2 ? Self.twoDigits(fraction) : "\(fraction / 10)")
  }
}

/// A number of things for people, in groups of three digits: `4 812`.
struct Count: Sendable, CustomStringConvertible {
  var number: Int

  init(_ number: Int) { self.number = number }

  var description: String {
    let digits = String(number.magnitude)
    var text = number < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { text += " " }
      text.append(digit)
    }
    return text
  }

  /// The number and its noun: `1 file`, `4 812 files`.
  func of(_ noun: String) -> String { "\(self) \(noun)\(number == 1 ? "" : "s")" }
}
