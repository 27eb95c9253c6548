// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Vocabulary

/// What stays on the screen of a run: a line, or a few, for each event that a person wants to find there afterwards.
struct Narration: Sendable {
  let style: Style
  let verbose: Bool
  /// The hosts of the run as far as they are known, in the order in which they appeared.
  private(set) var hosts: [String] = []
  private var images: Set<String> = []
  /// References that were pushed in this run, to tell a proof of a push from one of a standing release.
  private var pushed: Set<String> = []

  init(style: Style, verbose: Bool) {
    self.style = style
    self.verbose = verbose
  }

  /// Notes what the event says about the run, and returns its lines.
  mutating func lines(for event: DeliveryEvent) -> [String] {
    note(event)
    let host = event.host
    switch event.body {
    case .planned(let plan): return [line(.plan, nil, planned(plan))]
    case .connected(let session):
      guard verbose else { return [] }
      let builder = session.builder.map { ", " + style.plain($0) } ?? ""
      return [line(.connect, host, "\(session.platform)\(builder), \(ElapsedTime(session.seconds))")]
    case .synced(let sync): return synced(sync, host)
    case .standing(let standing):
      let text =
        "\(style.plain(standing.reference)) with build key \(standing.buildKey.short): nothing to build or push"
      return [line(.stands, host, text)]
    case .waiting(let wait):
      return [line(.queue, host, style.plain("\(wait.owner) has held the lease since \(wait.since)"))]
    case .started(let job): return verbose ? [line(.job, host, style.plain("\(job.job)   log: \(job.log)"))] : []
    case .queued(let queue): return verbose ? [line(.queue, host, Self.queued(queue.position))] : []
    case .step, .output: return []
    case .pushed(let push): return [line(.push, host, Self.pushed(push))]
    case .verified(let release): return [line(.verify, nil, verified(release))]
    case .pulled(let pull):
      return [
        line(.pull, host, "\(style.plain(pull.reference))  \(Self.short(pull.digest))  \(ElapsedTime(pull.seconds))")
      ]
    case .reconnecting(let attempt):
      return [line(.retry, host, "\(style.plain(attempt.reason)); \(Self.attempt(attempt)); what runs there goes on")]
    case .skipped(let skipped):
      let lost = ByteCount(skipped.bytes)
      return [line(.warning, host, "\(lost) of the log left out: the host keeps the end of a long log only")]
    case .ended(let end):
      return [line(.job, host, style.plain("\(end.job) \(end.state)" + (end.leftBehind.map { "; \($0)" } ?? "")))]
    case .moving(let move): return MoveReport(move, style).plan
    case .moved(let move): return MoveReport(move, style).result
    case .pinning(let pin):
      let title = "\(pin.image) \(pin.from) → \(pin.to), where the workspace pins it"
      return [line(.pin, nil, style.plain(title))] + pin.difference.map { Label.blank + style.plain($0) }
    case .warning(let warning): return [line(.warning, host, style.plain(warning.message))]
    case .failed(let failure): return FailureReport(failure, host: host).lines(style)
    case .finished(let end): return finished(end)
    }
  }

  /// A line with its label and, where there is one, its host in a column as wide as the longest name.
  func line(_ label: Label, _ host: String?, _ text: String) -> String {
    guard let host else { return label.line(text, style) }
    let columns = hosts.map { TextWidth.columns(style.plain($0)) }.max() ?? 0
    return label.line(TextWidth.padded(style.plain(host), to: columns) + "  " + text, style)
  }

  private mutating func note(_ event: DeliveryEvent) {
    var named = event.host.map { [$0] } ?? []
    switch event.body {
    case .planned(let plan):
      named += plan.hosts
      images.insert(plan.image)
    case .pushed(let push): pushed.insert(push.reference)
    case .finished(let end): named += end.hosts.map(\.host)
    default: break
    }
    for name in named where !hosts.contains(name) { hosts.append(name) }
  }

  private func planned(_ plan: DeliveryEvent.Planned) -> String {
    var text = "\(plan.image) \(plan.version)"
    if !plan.hosts.isEmpty { text += " on " + Self.list(plan.hosts) }
    if let platform = plan.platform { text += " (\(platform))" }
    if !plan.bases.isEmpty { text += ", from " + Self.list(plan.bases.map(Self.brief)) }
    return style.plain(text)
  }

  private func synced(_ sync: DeliveryEvent.Synced, _ host: String?) -> [String] {
    let deleted = sync.filesDeleted > 0 ? ", \(Count(sync.filesDeleted)) deleted" : ""
    let line =
      verbose
      ? "\(sync.contentBytes) of content, \(sync.bytesReceived) received, \(Count(sync.roundTrips).of("round trip")), "
      : ""
    let text =
      "\(Count(sync.filesChanged)) of \(Count(sync.filesTotal).of("file"))\(deleted), \(sync.bytesSent) sent, \(line)"
      + "\(ElapsedTime(sync.seconds))   tree \(sync.tree.short)"
    return [self.line(.sync, host, text)]
      + sync.savedAside.map { self.line(.saved, host, "edited on the host, kept aside there: " + style.plain($0)) }
  }

  static func queued(_ position: Int) -> String {
    position == 0 ? "its turn has come" : "\(Count(position).of("job")) before this one"
  }

  static func attempt(_ attempt: DeliveryEvent.Reconnecting) -> String {
    "attempt \(attempt.attempt) in \(ElapsedTime(attempt.seconds))"
  }

  private static func pushed(_ push: DeliveryEvent.Pushed) -> String {
    let layers = Count(push.layersSent + push.layersPresent).of("layer")
    return
      "\(Count(push.layersSent)) of \(layers), \(push.bytesSent) sent, \(Count(push.layersPresent)) already there   "
      + "\(ElapsedTime(push.seconds))"
  }

  private func verified(_ release: DeliveryEvent.Verified) -> String {
    let platforms = release.platforms.count > 1 ? ", " + Self.list(release.platforms.map(\.description)) : ""
    let proof = pushed.contains(release.reference) ? ", digest as pushed" : ""
    return "\(style.plain(release.reference))  \(Self.short(release.digest))  "
      + "\(Count(release.layers).of("layer")) present, \(release.size)\(platforms)\(proof)"
  }

  private func finished(_ end: DeliveryEvent.Finished) -> [String] {
    var lines = end.hosts.count > 1 ? HostTable(end.hosts).lines(style) : []
    let time = ElapsedTime(end.seconds)
    let log = end.record.map { "   log: " + style.plain($0.hasSuffix("/") ? $0 : $0 + "/") } ?? ""
    let image = style.plain(end.image)
    if let reference = end.reference, let digest = end.digest {
      lines.append(line(.image, nil, "\(style.plain(Self.repository(reference)))@\(digest)"))
    }
    switch end.status {
    case .success:
      lines.append(line(.done, nil, (images.count > 1 ? image + "  " : "") + "\(time)\(log)"))
    case .interrupted: lines.append(line(.stopped, nil, "\(image) after \(time)\(log)"))
    default: lines.append(line(.failed, nil, "\(image) after \(time), exit status \(end.status.rawValue)\(log)"))
    }
    return lines
  }

  private static func short(_ digest: Digest) -> String { "sha256:\(digest.short)…" }

  /// A reference without its tag and digest.
  private static func repository(_ reference: String) -> String {
    let name = reference.prefix { $0 != "@" }
    let slash = name.lastIndex(of: "/") ?? name.startIndex
    return String(name[..<(name[slash...].firstIndex(of: ":") ?? name.endIndex)])
  }

  /// A reference's last part, its digest cut short.
  private static func brief(_ reference: String) -> String {
    let last = String(reference[(reference.lastIndex(of: "/").map(reference.index(after:)) ?? reference.startIndex)...])
    guard let at = last.firstIndex(of: "@") else { return last }
    return last.contains(":") && last[..<at].contains(":")
      ? String(last[..<at]) : String(last.prefix(last[..<at].count + 16)) + "…"
  }

  /// `a`, `a and b`, `a, b and c`.
  private static func list(_ words: [String]) -> String {
    guard words.count > 1, let last = words.last else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " and " + last
  }
}
