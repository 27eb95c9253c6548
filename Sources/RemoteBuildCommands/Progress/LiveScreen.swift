// SPDX-License-Identifier: Apache-2.0

internal import Delivery

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// What a live view shows, as a value: the lines that stay, and below them a line for each host that does something.
/// It makes the bytes that bring a terminal from the last frame to the next, and knows no terminal itself.
struct LiveScreen: Sendable {
  private let style: Style
  private let verbose: Bool
  private var narration: Narration
  /// Lines that stay and are not written yet.
  private var pending: [String] = []
  /// By host; the run as a whole has the empty name.
  private var activities: [String: HostActivity] = [:]
  private var isSynced: Set<String> = []
  /// The live lines as they stand on the terminal, each with its columns.
  private var drawn: [(text: String, columns: Int)] = []
  private var isCursorHidden = false

  init(style: Style, verbose: Bool) {
    self.style = style
    self.verbose = verbose
    narration = Narration(style: style, verbose: verbose)
  }

  mutating func take(_ event: DeliveryEvent) {
    if let tail = tail(of: event) {
      pending += narration.lines(for: tail)
    } else if !isRepetition(event) {
      // What was built is told before what was done with it.
      if case .pushed = event.body { tellBuild(event.host ?? "", at: event.time) }
      pending += narration.lines(for: event)
    }
    follow(event)
  }

  /// A failure that brings no details, with the last lines of the step that failed, as far as they were seen here.
  private func tail(of event: DeliveryEvent) -> DeliveryEvent? {
    guard case .failed(var failure) = event.body, failure.details.isEmpty,
      let host = failure.host ?? event.host, let lines = activities[host]?.failedLines, !lines.isEmpty
    else { return nil }
    failure.details = lines
    var event = event
    event.body = .failed(failure)
    return event
  }

  /// Further attempts in a row to take up a connection are shown live alone.
  private func isRepetition(_ event: DeliveryEvent) -> Bool {
    if case .reconnecting(let attempt) = event.body { attempt.attempt > 1 } else { false }
  }

  private mutating func follow(_ event: DeliveryEvent) {
    let host = event.host ?? ""
    let time = event.time
    switch event.body {
    case .reconnecting(let attempt):
      let since = activities[host]?.interruption?.since ?? time
      activities[host, default: HostActivity(.retry, "", since: time)].interruption =
        ("\(Narration.attempt(attempt)), the job goes on: \(attempt.reason)", since)
      return
    case .planned(let plan):
      for host in plan.hosts where !isSynced.contains(host) { begin(host, .sync, "comparing trees", time) }
      if plan.hosts.allSatisfy(isSynced.contains) { begin("", .build, "preparing", time) }
    case .connected: begin(host, .sync, "comparing trees", time)
    case .synced:
      isSynced.insert(host)
      activities[host] = nil
      if activities.isEmpty { begin("", .build, "preparing", time) }
    case .standing: activities[""] = HostActivity(.verify, "what the registry holds", since: time)
    case .waiting(let wait):
      activities[host] = HostActivity(.queue, "for \(wait.owner), who holds the lease", since: time)
    case .started:
      activities[""] = nil
      activities[host] = HostActivity(.build, "starting", since: time)
    case .queued(let queue): activities[host] = HostActivity(.queue, Narration.queued(queue.position), since: time)
    case .step(let step):
      if activities[host]?.label != .build { activities[host] = HostActivity(.build, "", since: time) }
      activities[host]?.take(step, at: time)
      if step.state == .failed { tellFailure(step, host) }
    case .output(let output): take(output, host, time)
    case .pushed, .pulled: activities[host] = nil
    case .verified: activities[""] = nil
    case .failed(let failure):
      isSynced.insert(failure.host ?? host)
      activities[failure.host ?? host] = nil
      activities[""] = nil
    case .finished: activities = [:]
    case .moving, .moved, .pinning, .warning, .skipped, .ended: break
    }
    activities[host]?.interruption = nil
  }

  private mutating func begin(_ host: String, _ label: Label, _ text: String, _ time: Date) {
    if activities[host] == nil { activities[host] = HostActivity(label, text, since: time) }
  }

  private mutating func take(_ output: DeliveryEvent.Output, _ host: String, _ time: Date) {
    switch output.step {
    case "pull":
      if activities[host]?.label != .pull { activities[host] = HostActivity(.pull, "", since: time) }
      activities[host]?.take(output)
    case "push":
      switch PushLine(output.line) {
      case .begins, .layer:
        if activities[host]?.label != .push {
          tellBuild(host, at: time)
          activities[host] = HostActivity(.push, "", since: time)
        }
        activities[host]?.takePush(output.line)
      case .ends: activities[host] = HostActivity(.verify, "what the registry holds", since: time)
      case .other: activities[host]?.take(output)
      }
    default: activities[host]?.take(output)
    }
  }

  private mutating func tellBuild(_ host: String, at time: Date) {
    guard let activity = activities[host], let summary = activity.summary else { return }
    pending.append(narration.line(.build, host, "\(summary)   \(ElapsedTime(time.timeIntervalSince(activity.began)))"))
  }

  private mutating func tellFailure(_ step: DeliveryEvent.Step, _ host: String) {
    let text = "\(StepTitle(step.name).shown(style))   failed, \(ElapsedTime(step.seconds))"
    pending.append(narration.line(.build, host, text))
  }
}

extension LiveScreen {
  /// The bytes that bring the terminal from the frame before to what is to be seen at `now`; empty if nothing changed.
  mutating func frame(_ size: Terminal.Size, now: Date) -> String { draw(live(size, now: now), size) }

  /// The bytes that take the live lines off the terminal, write what stays, and bring the cursor back.
  mutating func clear(_ size: Terminal.Size) -> String {
    let bytes = draw([], size)
    guard isCursorHidden else { return bytes }
    isCursorHidden = false
    return bytes + "\u{1b}[?25h"
  }

  private mutating func draw(_ lines: [String], _ size: Terminal.Size) -> String {
    guard !pending.isEmpty || lines != drawn.map(\.text) else { return "" }
    // A terminal that became narrower has broken the lines that stood there.
    let rows = drawn.reduce(0) { $0 + max(1, ($1.columns + size.columns - 1) / size.columns) }
    var bytes = rows > 0 ? "\r\u{1b}[\(min(rows, size.rows - 1))A" : ""
    if !lines.isEmpty && !isCursorHidden {
      bytes += "\u{1b}[?25l"
      isCursorHidden = true
    }
    if !pending.isEmpty { bytes += "\u{1b}[J" + pending.map { $0 + "\n" }.joined() }
    bytes += lines.map { $0 + "\u{1b}[K\n" }.joined() + "\u{1b}[J"
    pending = []
    drawn = lines.map { ($0, TextWidth.columns($0)) }
    return bytes
  }

  private func live(_ size: Terminal.Size, now: Date) -> [String] {
    let names = (narration.hosts + [""]).filter { activities[$0] != nil }
    let width = min(narration.hosts.map { TextWidth.columns(style.plain($0)) }.max() ?? 0, max(6, size.columns / 4))
    let lines = names.map { name in
      let host = TextWidth.truncated(style.plain(name), to: width)
      return line(
        activities[name]!, name.isEmpty ? "" : TextWidth.padded(host, to: width) + "  ", size.columns - 1, now)
    }
    let room = max(1, size.rows - 2)
    guard lines.count > room else { return lines }
    return lines.prefix(room - 1) + [
      TextWidth.truncated(Label.blank + "… and \(lines.count - room + 1) more", to: size.columns - 1)
    ]
  }

  /// One host's line in at most `columns` columns: its word, its name, the step, the clock, and its last output where
  /// there is room for it.
  private func line(_ activity: HostActivity, _ host: String, _ columns: Int, _ now: Date) -> String {
    let shown = activity.shown(style)
    let clock = ElapsedTime(now.timeIntervalSince(shown.since)).clock
    let head = Label.columns + TextWidth.columns(host)
    let room = columns - head - clock.count - 2
    let wanted = TextWidth.columns(shown.text)
    // The output gets what the step leaves, and at least two fifths.
    let step =
      shown.line.isEmpty || room < 40 ? room : min(wanted, max(room * 3 / 5, room - TextWidth.columns(shown.line) - 4))
    var text = TextWidth.truncated(shown.text, to: max(0, min(step, wanted))) + "  " + style(.bold, clock)
    let rest = room - min(step, wanted) - 2
    if !shown.line.isEmpty && rest >= 12 {
      text += "  " + style(.dim, "▸ ") + TextWidth.truncated(shown.line, to: rest - 2)
    }
    return TextWidth.truncated(shown.label.line(host + text, style), to: columns)
  }
}
