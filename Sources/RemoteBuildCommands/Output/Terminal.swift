// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What is known of the terminal, if there is one, that the program talks to.
struct Terminal: Sendable {
  var outputIsTerminal: Bool
  var errorIsTerminal: Bool
  /// Whether the terminal understands cursor movements and colours at all.
  var isCapable: Bool
  /// Whether the environment lets colours be used (`NO_COLOR` is empty or not set).
  var allowsColours: Bool
  /// The user's home directory, which is shown as `~`.
  var home: String?

  init(
    outputIsTerminal: Bool = false, errorIsTerminal: Bool = false, isCapable: Bool = true, allowsColours: Bool = true,
    home: String? = nil
  ) {
    self.outputIsTerminal = outputIsTerminal
    self.errorIsTerminal = errorIsTerminal
    self.isCapable = isCapable
    self.allowsColours = allowsColours
    self.home = home
  }

  /// The process's own standard output and error.
  init(environment: [String: String]) {
    let kind = environment["TERM"] ?? ""
    self.init(
      outputIsTerminal: isatty(STDOUT_FILENO) == 1, errorIsTerminal: isatty(STDERR_FILENO) == 1,
      isCapable: !kind.isEmpty && kind != "dumb", allowsColours: (environment["NO_COLOR"] ?? "").isEmpty,
      home: environment["HOME"].flatMap { $0.isEmpty ? nil : $0 })
  }

  /// Whether a live view can be drawn on standard error.
  var canDraw: Bool { errorIsTerminal && isCapable }

  /// How text on standard error is styled under `mode`.
  func style(_ mode: ProgressMode) -> Style {
    let colours =
      switch mode {
      case .auto, .none: allowsColours && canDraw
      case .tty: allowsColours
      case .plain: false
      }
    return Style(colours: colours, home: home)
  }

  /// How tables on standard output are styled.
  var outputStyle: Style { Style(colours: allowsColours && outputIsTerminal && isCapable, home: home) }

  /// How wide they may be; `nil` where no terminal shows them.
  var outputColumns: Int? { outputIsTerminal ? Self.size().columns : nil }

  struct Size: Sendable, Hashable {
    var columns: Int
    var rows: Int
    /// What is taken for granted where the terminal does not say.
    static let usual = Size(columns: 80, rows: 24)
  }

  /// The size of the terminal on standard error as it is now; it changes when the window does.
  static func size() -> Size {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return .usual }
    return Size(columns: Int(size.ws_col), rows: size.ws_row > 0 ? Int(size.ws_row) : Size.usual.rows)
  }
}
