// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// Which byte of a log was printed when: a line's beginning every second, more rarely the older a job gets, so that the
/// whole has no more than some thousand entries of 16 bytes.
struct JobLogTimes {
  private let path: FilePath
  private var first: Double?
  private var last: Double = 0

  init(_ path: FilePath) { self.path = path }

  private static let limit = 1 << 20

  /// Notes that the byte `offset`, with which a line begins, is printed at `time`. What cannot be written is left out.
  mutating func note(_ offset: UInt64, at time: Double) {
    let age = time - (first ?? time)
    guard first == nil || time - last >= max(1, age / 512) else { return }
    first = first ?? time
    last = time
    var entry: [UInt8] = []
    for number in [time.bitPattern, offset] {
      entry += stride(from: 0, to: 64, by: 8).map { UInt8(truncatingIfNeeded: number >> UInt64($0)) }
    }
    guard
      let file = try? FileDescriptor.open(
        path, .writeOnly, options: [.create, .append, .closeOnExec, .noFollow], permissions: .ownerReadWrite)
    else { return }
    _ = try? file.writeAll(entry)
    try? file.close()
  }

  /// The last line that began at `time` or before; 0 where none is known.
  func offset(at time: Double) -> UInt64 {
    let bytes = (try? SmallFile.read(path, limit: Self.limit)) ?? []
    var found: UInt64 = 0
    for start in stride(from: 0, through: bytes.count - 16, by: 16) {
      guard Double(bitPattern: Self.number(bytes[start...])) <= time else { break }
      found = Self.number(bytes[(start + 8)...])
    }
    return found
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
