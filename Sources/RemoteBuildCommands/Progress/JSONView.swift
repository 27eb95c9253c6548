// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Dispatch

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// One JSON object a line on standard output: `docs/events.md` says what is in them.
final class JSONView: ProgressView {
  private let console: Console
  /// Writes, in order, so that a slow reader holds up nobody but himself. Nothing is left out.
  private let writer = DispatchQueue(label: "progress.json")

  init(console: Console) { self.console = console }

  func show(_ event: DeliveryEvent) {
    writer.async { [console] in console.write(Self.line(event) + "\n", to: .out) }
  }

  /// What is asked about is told before the question.
  func suspend() { writer.sync {} }

  func finish() { writer.sync {} }

  /// The event as a line. It holds no character that a terminal would obey: those stand as `\u009b`, which is the same
  /// text to whoever parses it.
  static func line(_ event: DeliveryEvent) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return escaped(String(decoding: try encoder.encode(event), as: UTF8.self))
    } catch {
      // A number that JSON cannot hold; the line still says that something happened.
      return #"{"event":"\#(event.name)"}"#
    }
  }

  static func escaped(_ text: String) -> String {
    guard !text.unicodeScalars.allSatisfy(PrintableText.isSafe) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      if PrintableText.isSafe(scalar) {
        result.unicodeScalars.append(scalar)
      } else {
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      }
    }
    return result
  }
}
