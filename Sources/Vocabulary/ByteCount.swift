// SPDX-License-Identifier: Apache-2.0

/// A number of bytes. Written for people with decimal units (1 kB = 1,000 B), as registries and Docker write sizes;
/// a file of configuration may use binary units too (`KiB`, `MiB`, `GiB`).
public struct ByteCount: Hashable, Sendable, Comparable, Codable {
  public var bytes: Int64

  public init(_ bytes: some BinaryInteger) { self.bytes = Int64(clamping: bytes) }

  /// Parses `300MB`, `8GB`, `512KiB`, `1.5GB`, `4096`; `nil` for anything else and for negative numbers.
  public init?(_ text: String) {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = text.dropFirst(number.count).drop { $0 == " " }
    guard let value = Double(number), let scale = Self.units[unit.lowercased()] else { return nil }
    let bytes = value * scale
    guard bytes.isFinite, bytes < 9.2e18 else { return nil }
    self.bytes = Int64(bytes)
  }

  private static let units: [String: Double] = [
    "": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
    "kib": 1024, "mib": 1_048_576, "gib": 1_073_741_824, "tib": 1_099_511_627_776,
    "k": 1e3, "m": 1e6, "g": 1e9,
  ]

  public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
  /// Stops at the largest number rather than trap: sizes come from registries and hosts, too.
  public static func + (left: ByteCount, right: ByteCount) -> ByteCount {
    let (sum, overflows) = left.bytes.addingReportingOverflow(right.bytes)
    return ByteCount(overflows ? (left.bytes < 0 ? Int64.min : .max) : sum)
  }
  public static func += (left: inout ByteCount, right: ByteCount) { left = left + right }
  public static let zero = ByteCount(0)

  public init(from decoder: any Decoder) throws {
    bytes = try decoder.singleValueContainer().decode(Int64.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(bytes)
  }
}

extension ByteCount: CustomStringConvertible {
  /// Two or three significant digits and a decimal unit: `0 B`, `812 B`, `6.1 kB`, `48 MB`, `1.46 GB`.
  public var description: String {
    var value = Double(bytes)
    var unit = "B"
    for next in ["kB", "MB", "GB", "TB"] {
      if value < 999.5 { break }
      value /= 1000
      unit = next
    }
    if unit == "B" || value >= 99.5 { return "\(Int(value.rounded())) \(unit)" }
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
  }
}
