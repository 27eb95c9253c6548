// SPDX-License-Identifier: Apache-2.0

/// An operating system and a processor architecture, as the OCI image index names them: `linux/amd64`,
/// `linux/arm/v7`.
public struct Platform: Hashable, Sendable, Codable, CustomStringConvertible {
  public var os: String
  public var architecture: String
  public var variant: String?

  public init(os: String = "linux", architecture: String, variant: String? = nil) {
    self.os = os
    self.architecture = architecture
    self.variant = variant
  }

  /// Parses `os/architecture[/variant]`; `nil` for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard (2...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    self.init(os: parts[0], architecture: parts[1], variant: parts.count == 3 ? parts[2] : nil)
  }

  /// The platform of a Linux machine by what `uname -m` prints (`x86_64`, `aarch64`, …).
  public init(machine: String) {
    switch machine {
    case "x86_64", "amd64": self.init(architecture: "amd64")
    case "aarch64", "arm64": self.init(architecture: "arm64")
    case "armv7l": self.init(architecture: "arm", variant: "v7")
    default: self.init(architecture: machine)
    }
  }

  public var description: String { ([os, architecture] + (variant.map { [$0] } ?? [])).joined(separator: "/") }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let platform = Platform(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a platform: \(text)")
    }
    self = platform
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
