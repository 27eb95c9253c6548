// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Dispatch

/// Says nothing of what goes well, but what will be asked about.
final class SilentView: ProgressView {
  private let style: Style
  private let console: Console
  private let writer = DispatchQueue(label: "progress.silent")

  init(style: Style, console: Console) {
    self.style = style
    self.console = console
  }

  func show(_ event: DeliveryEvent) {
    switch event.body {
    // A plan is not asked about unseen.
    case .failed, .warning, .moving, .pinning:
      var narration = Narration(style: style, verbose: false)
      let text = narration.lines(for: event).map { $0 + "\n" }.joined()
      writer.async { [console] in console.write(text, to: .talk) }
    default: break
    }
  }

  /// What is asked about is told before the question.
  func suspend() { writer.sync {} }

  func finish() { writer.sync {} }
}
