// SPDX-License-Identifier: Apache-2.0

/// How a run is shown while it goes on: the values of `--progress`.
enum ProgressMode: String, CaseIterable, Sendable {
  /// Live on a terminal, else plain lines.
  case auto
  /// Live, whatever standard error is.
  case tty
  /// A line for everything that happens, without colours.
  case plain
  /// Nothing but failures and warnings.
  case none

  /// The view for this mode.
  ///
  /// - Parameters:
  ///   - json: whether events are printed as JSON on standard output, in place of all else.
  ///   - verbose: whether the builder's own steps, sessions and jobs are shown too.
  func view(json: Bool, verbose: Bool, console: Console) -> any ProgressView {
    if json { return JSONView(console: console) }
    let style = console.terminal.style(self)
    switch self {
    case .none: return SilentView(style: style, console: console)
    case .auto where console.terminal.canDraw, .tty:
      return TerminalView(style: style, verbose: verbose, console: console)
    case .auto, .plain: return PlainView(style: style, verbose: verbose, console: console)
    }
  }
}
