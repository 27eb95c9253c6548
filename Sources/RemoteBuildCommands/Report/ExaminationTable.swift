// SPDX-License-Identifier: Apache-2.0

internal import Delivery

/// What `doctor` found of one host, or of the registry: a headline, and a row a check with its mend below.
struct ExaminationTable: Sendable {
  let examination: Examination

  init(_ examination: Examination) { self.examination = examination }

  private static let margin = 2
  private static let verdict = 4
  private static let subject = Check.Subject.allCases.map { $0.rawValue.count }.max() ?? 0

  /// - Parameter columns: of the terminal; `nil` where a line may be as long as it is.
  func lines(_ style: Style, columns: Int?) -> [String] {
    [headline(style)] + examination.checks.flatMap { rows(of: $0, style, columns: columns) }
  }

  private func headline(_ style: Style) -> String {
    let checks = examination.checks
    func count(_ verdict: Check.Verdict, _ what: String) -> String? {
      let count = checks.filter { $0.verdict == verdict }.count
      return count > 0 ? "\(count) \(what)" : nil
    }
    let counts = [count(.fail, "failed"), count(.warn, "to look at"), count(.pass, "passed")].compactMap(\.self)
    let name = examination.host ?? "this machine and the registry"
    let time = ElapsedTime(examination.seconds)
    return style(.bold, style.plain(name)) + "  " + counts.joined(separator: ", ") + ", in \(time)"
  }

  private func rows(of check: Check, _ style: Style, columns: Int?) -> [String] {
    let indent = Self.margin + Self.verdict + 2 + Self.subject + 2
    let width = columns.map { max(20, $0 - indent) } ?? .max
    let ink: Style.Ink = check.verdict == .pass ? .green : check.verdict == .warn ? .yellow : .red
    let verdict = check.verdict == .fail ? "FAIL" : check.verdict.rawValue
    let head =
      String(repeating: " ", count: Self.margin) + style(ink, verdict) + "  "
      + TextWidth.padded(check.check.rawValue, to: Self.subject) + "  "
    let blank = String(repeating: " ", count: indent)
    var lines: [String] = []
    for text in check.what.split(whereSeparator: \.isNewline) {
      lines += WrappedText(style.plain(String(text)), columns: width).lines
    }
    for mend in check.mend.flatMap({ $0.split(whereSeparator: \.isNewline) }) {
      let wrapped = WrappedText(style.plain(String(mend)), columns: width == .max ? .max : width - 2).lines
      lines += wrapped.enumerated().map { ($0.offset == 0 ? style(ink, "→ ") : "  ") + $0.element }
    }
    return (lines.isEmpty ? [""] : lines).enumerated().map { ($0.offset == 0 ? head : blank) + $0.element }
  }
}
