// SPDX-License-Identifier: Apache-2.0

/// A control sequence that sets colours and weights alone (ECMA-48's SGR, `ESC [ … m`), without those of its parameters
/// that hide text or make it blink.
struct ColourSequence: Sendable {
  let text: String
  /// How many characters of the line it takes.
  let length: Int
  /// Whether it ends all colours.
  let isReset: Bool

  /// A longer one is no colour that a tool writes.
  private static let longest = 64

  /// The sequence at the beginning of `scalars`; `nil` when another sequence, or none, stands there.
  init?(_ scalars: ArraySlice<Unicode.Scalar>) {
    let start = scalars.startIndex
    guard scalars.count >= 3, scalars[start] == "\u{1b}", scalars[start + 1] == "[" else { return nil }
    let body = scalars[(start + 2)...].prefix(Self.longest).prefix {
      ("0"..."9").contains($0) || $0 == ";" || $0 == ":"
    }
    guard body.endIndex < scalars.endIndex, scalars[body.endIndex] == "m" else { return nil }
    let parameters = body.split(separator: ";", omittingEmptySubsequences: false).map {
      String(String.UnicodeScalarView($0))
    }
    guard Self.areColours(parameters) else { return nil }
    length = body.count + 3
    text = String(String.UnicodeScalarView(scalars[start..<(start + length)]))
    isReset = parameters.allSatisfy { $0.allSatisfy { $0 == "0" } }
  }

  private static func areColours(_ parameters: [String]) -> Bool {
    var rest = parameters[...]
    while let parameter = rest.popFirst() {
      // With colons the whole of a colour is one parameter: `38:2::1:2:3`.
      let number = parameter.split(separator: ":").first.map { Int($0) ?? -1 } ?? 0
      switch number {
      case 0...4, 7, 21...24, 27, 29...37, 39...47, 49, 59, 90...97, 100...107: continue
      case 38, 48, 58:
        if parameter.contains(":") { continue }
        switch rest.popFirst() {
        case "5": rest = rest.dropFirst(1)
        case "2": rest = rest.dropFirst(3)
        default: return false
        }
      default: return false
      }
    }
    return true
  }
}
