// SPDX-License-Identifier: Apache-2.0

public import SystemPackage

/// A registry, and how it is reached from this laptop.
public struct ProjectRegistry: Hashable, Sendable {
  /// `host` or `host:port`, as references begin.
  public var address: String
  /// The certificates that its own is checked against, an absolute path; `nil` for the system's.
  public var caFile: FilePath?
  /// The host through whose SSH session it is reached, where the laptop cannot reach it itself.
  public var via: String?
  /// Whether it is spoken to in plain HTTP.
  public var isInsecure: Bool

  public init(address: String, caFile: FilePath? = nil, via: String? = nil, isInsecure: Bool = false) {
    self.address = address
    self.caFile = caFile
    self.via = via
    self.isInsecure = isInsecure
  }
}

extension ProjectRegistry: Codable {
  private enum CodingKeys: String, CodingKey {
    case address, caFile, via, insecure
  }

  // By hand, since a `FilePath` encodes as its storage's bytes, which nobody can read in a stored plan.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      address: try container.decode(String.self, forKey: .address),
      caFile: try container.decodeIfPresent(String.self, forKey: .caFile).map { FilePath($0) },
      via: try container.decodeIfPresent(String.self, forKey: .via),
      isInsecure: try container.decodeIfPresent(Bool.self, forKey: .insecure) ?? false)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(address, forKey: .address)
    try container.encodeIfPresent(caFile?.string, forKey: .caFile)
    try container.encodeIfPresent(via, forKey: .via)
    if isInsecure { try container.encode(true, forKey: .insecure) }
  }
}
