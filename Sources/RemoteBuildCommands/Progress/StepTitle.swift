// SPDX-License-Identifier: Apache-2.0

/// A step's name taken apart: `[build 3/7] RUN make` is the place `build 3/7` and the instruction `RUN make`.
struct StepTitle: Sendable, Hashable {
  let place: String
  let instruction: String

  init(_ name: String) {
    guard name.hasPrefix("["), let end = name.firstIndex(of: "]") else {
      place = ""
      instruction = name
      return
    }
    place = String(name[name.index(after: name.startIndex)..<end])
    instruction = String(name[name.index(after: end)...].drop { $0 == " " })
  }

  /// Whether it is the Dockerfile's, and not the builder's own work, such as `[internal] load build context`.
  var isInstruction: Bool {
    let numbers = (place.split(separator: " ").last ?? "").split(separator: "/", omittingEmptySubsequences: false)
    return numbers.count == 2 && numbers.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isNumber) }
  }

  /// The line as it is shown; a heredoc's or a long command's first line stands for it.
  func shown(_ style: Style) -> String {
    let text = PrintableText(String(instruction.prefix { !$0.isNewline }), keepsColours: false).text
    return place.isEmpty ? text : style(.bold, "[\(style.plain(place))]") + (text.isEmpty ? "" : " " + text)
  }
}
