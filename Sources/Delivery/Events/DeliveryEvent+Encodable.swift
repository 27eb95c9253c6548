// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// One flat object: `time`, `event`, `host` where there is one, and the body's own members.
extension DeliveryEvent: Encodable {
  private enum Key: String, CodingKey { case time, event, host }

  /// The event's name in `--json`.
  public var name: String { content.name }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)), forKey: .time)
    try container.encode(name, forKey: .event)
    try container.encodeIfPresent(host, forKey: .host)
    try content.value.encode(to: encoder)
  }

  private var content: (name: String, value: any Encodable) {
    switch body {
    case .planned(let value): ("planned", value)
    case .connected(let value): ("connected", value)
    case .synced(let value): ("synced", value)
    case .standing(let value): ("standing", value)
    case .waiting(let value): ("waiting", value)
    case .started(let value): ("started", value)
    case .queued(let value): ("queued", value)
    case .step(let value): ("step", value)
    case .output(let value): ("output", value)
    case .pushed(let value): ("pushed", value)
    case .verified(let value): ("verified", value)
    case .pulled(let value): ("pulled", value)
    case .reconnecting(let value): ("reconnecting", value)
    case .skipped(let value): ("skipped", value)
    case .ended(let value): ("ended", value)
    case .moving(let value): ("moving", value)
    case .moved(let value): ("moved", value)
    case .pinning(let value): ("pinning", value)
    case .warning(let value): ("warning", value)
    case .failed(let value): ("failed", value)
    case .finished(let value): ("finished", value)
    }
  }
}
