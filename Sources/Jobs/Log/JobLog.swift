// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A job's log on the host: the bytes as they were printed, in pieces, of which the oldest go when there are too many.
/// A byte keeps its number all the same: a piece's name says which is its first.
struct JobLog: Sendable {
  /// The job's directory.
  let directory: FilePath

  struct Piece: Sendable, Hashable {
    /// The number of its first byte.
    var start: UInt64
    var path: FilePath
  }

  /// How many pieces a log of full length has.
  static let mostPieces = 8

  /// The shortest bound that a job may be given, in bytes.
  static let leastLimit = mostPieces * 4096

  var first: FilePath { directory.appending("log") }
  /// When which byte was printed: ``JobLogTimes``.
  var times: FilePath { directory.appending("times") }

  func piece(at start: UInt64) -> Piece {
    guard start > 0 else { return Piece(start: 0, path: first) }
    let digits = String(start)
    return Piece(
      start: start, path: directory.appending("log." + String(repeating: "0", count: 20 - digits.count) + digits))
  }

  /// What is there, the oldest first.
  func pieces() throws -> [Piece] {
    try SmallFile.names(in: directory).compactMap { name in
      if name == "log" { return piece(at: 0) }
      guard name.hasPrefix("log."), let start = UInt64(name.dropFirst(4)) else { return nil }
      return piece(at: start)
    }
    .sorted { $0.start < $1.start }
  }

  /// The number of the first byte that is still there.
  var start: UInt64 { (try? pieces().first?.start) ?? 0 }

  /// The number that the next byte will have.
  var end: UInt64 { last.map { $0.start + $0.size } ?? 0 }

  /// From which byte on the log was printed at `time` (seconds since 1970, the host's clock) or later, to about a second.
  func offset(since time: Double) -> UInt64 {
    guard let last else { return 0 }
    if last.changed < time { return last.start + last.size }
    return JobLogTimes(times).offset(at: time)
  }

  private var last: (start: UInt64, size: UInt64, changed: Double)? {
    guard let piece = try? pieces().last else { return nil }
    var facts = stat()
    guard stat(piece.path.string, &facts) == 0 else { return nil }
    #if canImport(Glibc)
      let changed = Double(facts.st_mtim.tv_sec) + Double(facts.st_mtim.tv_nsec) / 1e9
    #else
      let changed = Double(facts.st_mtimespec.tv_sec) + Double(facts.st_mtimespec.tv_nsec) / 1e9
    #endif
    return (piece.start, UInt64(facts.st_size), changed)
  }
}
