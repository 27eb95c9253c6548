// SPDX-License-Identifier: Apache-2.0

import Foundation
import SystemPackage

@testable import Sync

/// A directory that a test edits by paths as bytes: whatever fails throws, and nothing is checked beyond that.
struct RawTree {
  let root: String

  struct Place {
    var path: [UInt8]
    var kind: FileStamp.Kind
    var isDirectory: Bool { kind == .directory }
    var name: [UInt8] { TreePath(unchecked: path).name }
    var parent: [UInt8] { TreePath(unchecked: path).parent }
  }

  func full(_ path: [UInt8]) -> [UInt8] { path.isEmpty ? Array(root.utf8) : Array(root.utf8) + [TreePath.slash] + path }

  static func join(_ directory: [UInt8], _ name: [UInt8]) -> [UInt8] {
    directory.isEmpty ? name : directory + [TreePath.slash] + name
  }

  /// All that is there, what is outermost first, each directory's names in order.
  func places(isIncluded: ([UInt8]) -> Bool = { _ in true }) throws -> [Place] {
    var places: [Place] = []
    func visit(_ path: [UInt8]) throws {
      let directory = try Disk.open(AT_FDCWD, full(path), O_RDONLY | O_DIRECTORY, path: "")
      defer { close(directory) }
      for name in try Disk.names(directory, "").sorted(by: { $0.lexicographicallyPrecedes($1) }) where isIncluded(name)
      {
        guard let stamp = try Disk.stamp(directory, name) else { continue }
        places.append(Place(path: Self.join(path, name), kind: stamp.kind))
        if stamp.kind == .directory { try visit(Self.join(path, name)) }
      }
    }
    try visit([])
    return places
  }

  func stamp(_ path: [UInt8]) throws -> FileStamp? { try Disk.stamp(AT_FDCWD, full(path)) }

  func bytes(_ path: [UInt8]) throws -> [UInt8] {
    try Disk.contents(AT_FDCWD, full(path), limit: 64 << 20, "a file") ?? []
  }

  func write(_ path: [UInt8], _ bytes: [UInt8]) throws {
    let file = try Disk.open(AT_FDCWD, full(path), O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644, path: "")
    defer { close(file) }
    try Disk.write(file, bytes, "")
  }

  func remove(_ path: [UInt8]) throws { try Disk.remove(AT_FDCWD, full(path), "") }

  func makeDirectory(_ path: [UInt8]) throws { try check(Disk.withPath(full(path)) { mkdir($0, 0o755) }) }

  func makeLink(_ path: [UInt8], to target: [UInt8]) throws {
    try check(Disk.withPath(target) { target in Disk.withPath(full(path)) { symlink(target, $0) } })
  }

  func link(_ old: [UInt8], _ new: [UInt8]) throws {
    try check(Disk.withPath(full(old)) { old in Disk.withPath(full(new)) { Foundation.link(old, $0) } })
  }

  func rename(_ old: [UInt8], _ new: [UInt8]) throws {
    try check(Disk.withPath(full(old)) { old in Disk.withPath(full(new)) { Foundation.rename(old, $0) } })
  }

  func chmod(_ path: [UInt8], _ mode: mode_t) throws {
    try check(Disk.withPath(full(path)) { Foundation.chmod($0, mode) })
  }

  func truncate(_ path: [UInt8], _ size: Int) throws {
    try check(Disk.withPath(full(path)) { Foundation.truncate($0, off_t(size)) })
  }

  func setModified(_ path: [UInt8], _ time: Int64) throws { try Disk.setModified(AT_FDCWD, full(path), time, "") }

  private func check(_ result: Int32) throws { guard result == 0 else { throw Errno(rawValue: errno) } }
}
