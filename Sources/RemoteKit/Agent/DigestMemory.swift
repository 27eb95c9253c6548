// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import SystemPackage
internal import Vocabulary

/// The digests of files that were hashed before: an agent has 18 MB, and each start needs to know which one it is.
///
/// It is a cache. Where it is lost, the files are hashed again.
struct DigestMemory: Sendable {
  /// What tells a file from any other, and from itself before it was written to.
  struct Stamp: Hashable, Sendable {
    private let words: [Int]

    /// In bytes.
    var size: Int { words[0] }

    /// `nil` where there is no such file.
    init?(of path: FilePath) {
      var status = stat()
      guard stat(path.string, &status) == 0 else { return nil }
      #if canImport(Glibc)
        let times = [status.st_mtim, status.st_ctim]
      #else
        let times = [status.st_mtimespec, status.st_ctimespec]
      #endif
      words =
        [Int(status.st_size), Int(status.st_dev), Int(status.st_ino)]
        + times.flatMap { [Int($0.tv_sec), Int($0.tv_nsec)] }
    }

    /// A file that changed this shortly ago may change again without a new time.
    fileprivate var isSettled: Bool { Date().timeIntervalSince1970 - Double(words[5]) > 2 }

    fileprivate var line: String { words.map(String.init).joined(separator: " ") }
  }

  /// A line for each: the stamp's numbers, and the digest.
  let file: FilePath
  private static let most = 16

  func digest(of stamp: Stamp) -> Digest? {
    let line = stamp.line + " "
    return lines.last { $0.hasPrefix(line) }.flatMap { Digest(hex: $0.dropFirst(line.count)) }
  }

  /// Nothing comes of it where the file cannot be written.
  func remember(_ digest: Digest, of stamp: Stamp) {
    guard stamp.isSettled else { return }
    let directory = file.removingLastComponent().string
    try? FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let text = (lines + ["\(stamp.line) \(digest.hex)"]).suffix(Self.most).joined(separator: "\n")
    try? Data(text.utf8).write(to: URL(filePath: file.string), options: .atomic)
  }

  private var lines: [String] {
    guard let data = FileManager.default.contents(atPath: file.string) else { return [] }
    return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}
