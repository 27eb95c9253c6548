// SPDX-License-Identifier: Apache-2.0

/// The word that begins a line of talk, in a column of its own.
enum Label: String, Sendable {
  case plan, connect, sync, saved, stands, job, queue, build, push, verify, pull, retry, warning, error, left, next,
    hosts
  case image, done, failed, stopped
  case from, to, moved, undone, pin

  /// Nine columns: the longest word, and two spaces, or one.
  static let columns = 9
  static let blank = String(repeating: " ", count: columns)

  /// The label and `text`, which is safe to show by now.
  func line(_ text: String, _ style: Style) -> String {
    style(ink, rawValue) + String(repeating: " ", count: Self.columns - rawValue.count) + text
  }

  private var ink: Style.Ink {
    switch self {
    case .error, .failed: .red
    case .warning, .retry, .stopped, .saved, .undone: .yellow
    case .done, .moved: .green
    case .left, .next: .bold
    default: .blue
    }
  }
}
