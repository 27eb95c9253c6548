// SPDX-License-Identifier: Apache-2.0

public import SystemPackage
internal import Wire

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The audit log: JSON lines that are only ever appended. A full one is set aside as `audit.1` and a new one begun, so
/// that it cannot fill the disk.
public struct AuditFile: Sendable {
  let directory: FilePath
  var limit = 4 << 20

  /// - Parameter directory: made where it is missing, for this user alone.
  public init(directory: FilePath) { self.directory = directory }

  private static let longestLine = 16 << 10
  private static let mostLines = 2000

  private var current: FilePath { directory.appending("audit") }
  private var earlier: FilePath { directory.appending("audit.1") }

  /// Appends lines, each whole, also where another process appends at the same time.
  public func append(_ lines: [String]) throws {
    guard lines.count <= Self.mostLines, lines.allSatisfy(Self.isLine) else {
      throw ServiceFailure(
        .invalidSpec, "a line of the audit log is one JSON object of at most \(Self.longestLine) bytes")
    }
    try PrivateDirectory.ensure(directory)
    try ServiceFailure.wrapping("cannot write to \(current)") {
      let lock = try FileDescriptor.open(
        directory.appending("audit.lock"), .readWrite, options: [.create, .closeOnExec, .noFollow],
        permissions: .ownerReadWrite)
      defer { try? lock.close() }
      while flock(lock.rawValue, LOCK_EX) < 0 && errno == EINTR {}
      var facts = stat()
      if stat(current.string, &facts) == 0, Int(facts.st_size) >= limit {
        try checked(rename(current.string, earlier.string))
      }
      let file = try FileDescriptor.open(
        current, .writeOnly, options: [.create, .append, .closeOnExec, .noFollow], permissions: .ownerReadWrite)
      defer { try? file.close() }
      try file.writeAll(Array(lines.map { $0 + "\n" }.joined().utf8))
    }
  }

  /// The newest lines, the oldest of them first. What is no line, as after a full disk, is left out.
  public func read() throws -> [String] {
    var lines: [String] = []
    for file in [earlier, current] {
      let bytes: [UInt8]
      do {
        bytes = try SmallFile.read(file, limit: limit + (1 << 20))
      } catch Errno.noSuchFileOrDirectory {
        continue
      } catch let error as Errno {
        throw ServiceFailure.system("cannot read \(file)", error)
      }
      lines += bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }.filter(
        Self.isLine)
    }
    // They travel in one frame.
    var room = 1 << 20
    let newest = lines.suffix(Self.mostLines).reversed().prefix { line in
      room -= line.utf8.count + 1
      return room >= 0
    }
    return newest.reversed()
  }

  private static func isLine(_ text: String) -> Bool {
    text.hasPrefix("{") && text.hasSuffix("}") && text.utf8.count <= longestLine
      && !text.utf8.contains { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
  }
}
