// SPDX-License-Identifier: Apache-2.0

internal import Delivery

/// The lines of a plain view: the narration, and between its lines the steps and what they print.
struct PlainLines: Sendable {
  private var narration: Narration
  /// Steps that run now, by host: with more than one, a line of output says whose it is.
  private var running: [String: Set<String>] = [:]
  private var leftOut = 0

  private let style: Style
  private let verbose: Bool

  init(style: Style, verbose: Bool) {
    self.style = style
    self.verbose = verbose
    narration = Narration(style: style, verbose: verbose)
  }

  /// - Parameter leavesOutOutput: whether lines of output are counted in place of being told.
  mutating func lines(for event: DeliveryEvent, leavesOutOutput: Bool = false) -> [String] {
    if case .output = event.body, leavesOutOutput {
      leftOut += 1
      return []
    }
    var lines: [String] = []
    if leftOut > 0 && !leavesOutOutput {
      lines.append(Label.warning.line("\(Count(leftOut).of("line")) of output left out here; the log has them", style))
      leftOut = 0
    }
    lines += narration.lines(for: event)
    switch event.body {
    case .started(let job) where !verbose: lines.append(narration.line(.job, event.host, style.plain(job.job)))
    case .queued(let queue) where !verbose:
      lines.append(narration.line(.queue, event.host, Narration.queued(queue.position)))
    case .step(let step): lines += self.step(step, event.host)
    case .output(let output): lines += self.output(output, event.host)
    default: break
    }
    return lines
  }

  private mutating func step(_ step: DeliveryEvent.Step, _ host: String?) -> [String] {
    let title = StepTitle(step.name)
    if step.state == .started {
      running[host ?? "", default: []].insert(step.name)
    } else {
      running[host ?? "", default: []].remove(step.name)
    }
    guard verbose || title.isInstruction || step.state == .failed else { return [] }
    // A step's end follows soon, or its place finds its name.
    let place = title.place.isEmpty ? title.shown(style) : "[\(style.plain(title.place))]"
    let text =
      switch step.state {
      case .started: title.shown(style)
      case .done: "\(place) done, \(ElapsedTime(step.seconds))"
      case .cached: "\(place) cached"
      case .failed: "\(title.shown(style))   failed, \(ElapsedTime(step.seconds))"
      }
    return [narration.line(.build, host, text)]
  }

  private func output(_ output: DeliveryEvent.Output, _ host: String?) -> [String] {
    let title = StepTitle(output.step)
    guard verbose || title.isInstruction else { return [] }
    let several = running[host ?? "", default: []].filter { StepTitle($0).isInstruction }.count > 1
    let origin =
      (narration.hosts.count > 1 ? [style.plain(host ?? "")] : []) + (several ? ["[\(style.plain(title.place))]"] : [])
    let prefix = origin.map { $0 + " " }.joined()
    return [Label.blank + prefix + style(.dim, "│") + " " + style.foreign(output.line)]
  }
}
