// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

/// Reads what `docker push` prints to a pipe: a line a layer and state (`5f70bf18a086: Pushed`), and at the end
/// `v1.0.2: digest: sha256:… size: 1234`.
public struct PushProgress: Sendable {
  /// The layers that were sent, by the first twelve digits of their uncompressed content's digest.
  public private(set) var sent: Set<String> = []
  /// Those that the registry had, likewise.
  public private(set) var present: Set<String> = []
  /// The manifest's digest, as the builder reports it.
  public private(set) var digest: Digest?

  public init() {}

  public mutating func read(_ line: String) {
    if let found = Self.digest(line) {
      digest = found
      return
    }
    guard let colon = line.firstIndex(of: ":") else { return }
    let layer = String(line[..<colon])
    guard layer.count == 12, layer.allSatisfy(\.isHexDigit) else { return }
    let state = line[line.index(after: colon)...].drop { $0 == " " }
    if state == "Pushed" {
      sent.insert(layer)
    } else if state == "Layer already exists" || state.hasPrefix("Mounted from") {
      present.insert(layer)
    }
  }

  private static func digest(_ line: String) -> Digest? {
    guard let range = line.firstRange(of: ": digest: ") else { return nil }
    return Digest(String(line[range.upperBound...].prefix { $0 != " " }))
  }
}
