// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

/// What a job's log says, read as it grows: the builder's steps, and the push after them.
struct BuildTranscript: Sendable {
  private(set) var build = BuildProgress()
  private(set) var push = PushProgress()
  /// The last lines that no step of the build printed: what a failed push says of itself.
  private(set) var lastLines: [String] = []
  private var partial: [UInt8] = []
  private var started: [Int: ContinuousClock.Instant] = [:]
  private var finished: Set<Int> = []

  private static let longestLine = 64 << 10

  /// Takes the next bytes of the log and returns what they say, in order. Lines need not end where the bytes do.
  mutating func read(_ bytes: [UInt8]) -> [DeliveryEvent.Body] {
    var events: [DeliveryEvent.Body] = []
    for byte in bytes {
      if byte != UInt8(ascii: "\n") {
        partial.append(byte)
        guard partial.count >= Self.longestLine else { continue }
      }
      events += line(String(decoding: partial, as: UTF8.self))
      partial.removeAll(keepingCapacity: true)
    }
    return events
  }

  /// The last lines of the step that was under way, or of what no step printed.
  var lastSaid: [String] {
    let running = started.keys.filter { !finished.contains($0) }.max()
    let lines = running.map { build.lastLines(of: $0) } ?? []
    return lines.isEmpty ? lastLines : lines
  }

  /// Takes a last line that was not ended.
  mutating func finish() -> [DeliveryEvent.Body] {
    guard !partial.isEmpty else { return [] }
    defer { partial = [] }
    return line(String(decoding: partial, as: UTF8.self))
  }

  /// Bytes are missing from here on: what was begun is no line.
  mutating func skip() { partial = [] }

  private mutating func line(_ line: String) -> [DeliveryEvent.Body] {
    guard let update = build.read(line) else {
      guard !line.isEmpty, !line.hasPrefix("#") else { return [] }
      push.read(line)
      lastLines.append(line)
      if lastLines.count > BuildProgress.tailLength { lastLines.removeFirst() }
      return [.output(.init(step: "push", line: line))]
    }
    switch update {
    case .started(let step):
      guard started[step.number] == nil else { return [] }
      started[step.number] = .now
      return [.step(.init(number: step.number, name: step.name, state: .started, seconds: 0))]
    case .output(let number, let line):
      return [.output(.init(step: build.step(number)?.name ?? "#\(number)", line: line))]
    case .cached(let number): return end(number, .cached)
    case .done(let number, let seconds): return end(number, .done, seconds: seconds)
    case .failed(let number, _): return end(number, .failed)
    }
  }

  /// A step's end, told once: a cached step is `CACHED` and then `DONE` in some versions.
  private mutating func end(
    _ number: Int, _ state: DeliveryEvent.Step.State, seconds: Double? = nil
  ) -> [DeliveryEvent.Body] {
    guard finished.insert(number).inserted, let step = build.step(number) else { return [] }
    let seconds = seconds ?? started[number].map { $0.duration(to: .now).seconds } ?? 0
    return [.step(.init(number: number, name: step.name, state: state, seconds: seconds))]
  }
}
