// SPDX-License-Identifier: Apache-2.0

internal import Delivery

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// What a host does at the moment, for its line in the live view.
struct HostActivity: Sendable {
  let label: Label
  /// What it does where no step runs.
  var text: String
  var since: Date
  /// The last line that was printed, as it came.
  private(set) var lastLine = ""
  /// The broken connection that it waits for, and since when.
  var interruption: (reason: String, since: Date)?

  /// Steps that run now, the latest last.
  private var running: [(step: DeliveryEvent.Step, since: Date)] = []
  private var tails: [String: [String]] = [:]
  /// The step that failed, if one did.
  private var failed: String?
  /// When it began as a whole.
  let began: Date
  private var executed = 0
  private var cached = 0
  private var layers: Set<Substring> = []
  private var settled: Set<Substring> = []

  /// How many lines of a step's output are kept, to be shown if it fails.
  private static let tailLength = 12
  /// Of a line no more is kept than a wide terminal shows.
  private static let lineLength = 1000

  init(_ label: Label, _ text: String, since: Date) {
    self.label = label
    self.text = text
    self.since = since
    began = since
  }

  /// The step that stands for the others: the Dockerfile's latest, or else the builder's own latest.
  private var current: (step: DeliveryEvent.Step, since: Date)? {
    running.last { StepTitle($0.step.name).isInstruction } ?? running.last
  }

  /// What is shown of it: its word, its text, and since when.
  func shown(_ style: Style) -> (label: Label, text: String, since: Date, line: String) {
    if let interruption { return (.retry, style.plain(interruption.reason), interruption.since, "") }
    let line = style.foreign(lastLine)
    if let current { return (label, StepTitle(current.step.name).shown(style), current.since, line) }
    return (label, style.plain(text), since, line)
  }

  mutating func take(_ step: DeliveryEvent.Step, at time: Date) {
    if step.state == .started {
      running.append((step, time))
      lastLine = ""
      return
    }
    let isCurrent = current?.step.number == step.number
    running.removeAll { $0.step.number == step.number }
    if isCurrent { lastLine = "" }
    if step.state == .failed { failed = step.name }
    if running.isEmpty {
      text = "between steps"
      since = time
    }
    guard StepTitle(step.name).isInstruction else { return }
    if step.state == .cached { cached += 1 } else { executed += 1 }
  }

  mutating func take(_ output: DeliveryEvent.Output) {
    let line = String(output.line.prefix(Self.lineLength))
    tails[output.step, default: []].append(line)
    if tails[output.step]!.count > Self.tailLength { tails[output.step]!.removeFirst() }
    // Of steps that run side by side, the one that is shown speaks.
    if current == nil || current?.step.name == output.step { lastLine = line }
  }

  /// The last lines of the step that failed, the oldest first.
  var failedLines: [String] { failed.flatMap { tails[$0] } ?? [] }

  /// What was built so far, or `nil` where no step of the Dockerfile was come to.
  var summary: String? {
    guard executed + cached > 0 else { return nil }
    return executed == 0
      ? "all \(Count(cached).of("step")) cached"
      : "\(Count(executed)) of \(Count(executed + cached).of("step")) run, \(Count(cached)) cached"
  }

  /// Reads what a push prints of its layers, `5f70bf18a086: Pushed`, into the text.
  mutating func takePush(_ line: String) {
    let parts = line.split(separator: ":", maxSplits: 1)
    guard parts.count == 2, PushLine.isLayer(parts[0]) else { return }
    layers.insert(parts[0])
    let state = parts[1].drop { $0 == " " }
    if state == "Pushed" || state == "Layer already exists" || state.hasPrefix("Mounted from") {
      settled.insert(parts[0])
    }
    text = "\(Count(settled.count)) of \(Count(layers.count).of("layer"))"
  }
}

/// What a line of output that belongs to no step is about.
enum PushLine: Sendable {
  case begins, layer, ends, other

  init(_ line: String) {
    if line.hasPrefix("The push refers to repository") {
      self = .begins
    } else if line.contains(": digest: sha256:") {
      self = .ends
    } else if let colon = line.firstIndex(of: ":"), Self.isLayer(line[..<colon]) {
      self = .layer
    } else {
      self = .other
    }
  }

  /// Whether it is the beginning of a digest, as Docker names layers.
  static func isLayer(_ text: Substring) -> Bool { text.utf8.count == 12 && text.allSatisfy { $0.isHexDigit } }
}
